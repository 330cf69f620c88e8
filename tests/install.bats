#!/usr/bin/env bats
# SPDX-License-Identifier: ISC
# make install, uninstall, dist, and that the same source gives the same program.
# A copy of the source is built without optimisation, outside of itself.

load lib/common

SOURCES=(Makefile configure configure.ac src man completions LICENSE README.md)

# What make was called with is not for the makes in here.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES BUILD CFLAGS T

# copy_and_build SOURCE DIR: a build in DIR of a copy in SOURCE.
copy_and_build() {
	mkdir -p "$1" "$2"
	(cd "$TESTS_DIR/.." && cp -pR "${SOURCES[@]}" "$1")
	mkdir -p "$1/tests"
	chmod -R a-w "$1"
	cd "$2" || return
	"$1/configure" -q --prefix=/usr CFLAGS='-O0 -g'
	make -s BUILD=built built/poplar
}

# Root may write in what is read-only, so what is there is compared.
listing() {
	(cd "$1" && find . -exec ls -ld --time-style=full-iso {} + | LC_ALL=C sort)
}

setup_file() {
	unset POPLAR_BUILD
	export SOURCE=$BATS_FILE_TMPDIR/source TREE=$BATS_FILE_TMPDIR/tree
	copy_and_build "$SOURCE" "$BATS_FILE_TMPDIR/build"
	listing "$SOURCE" >"$BATS_FILE_TMPDIR/before"
	make -s BUILD=built DESTDIR="$TREE" install
}

teardown_file() {
	chmod -R u+w "$BATS_FILE_TMPDIR"
}

@test "install: what belongs there is there, and nothing else" {
	cd "$TREE"
	run find . -type f -printf '%m %p\n'
	run sort -k 2 <<<"$output"
	assert_output '755 ./usr/bin/poplar
644 ./usr/share/bash-completion/completions/poplar
644 ./usr/share/fish/vendor_completions.d/poplar.fish
644 ./usr/share/man/man1/poplar.1
644 ./usr/share/man/man5/poplar-state.5
644 ./usr/share/man/man5/poplar.conf.5
644 ./usr/share/man/man7/poplar-delivery.7
644 ./usr/share/man/man7/poplar-standards.7
644 ./usr/share/systemd/user/poplar@.service
644 ./usr/share/systemd/user/poplar@.timer
644 ./usr/share/zsh/site-functions/_poplar'
	run -0 usr/bin/poplar --version
	assert_output --regexp '^poplar [0-9]+\.[0-9]+'
}

@test "install: the service runs what is installed" {
	cd "$TREE/usr/share/systemd/user"
	run -0 sed -n 's/^ExecStart=//p' poplar@.service
	assert_output '/usr/bin/poplar fetch --account %i'
	# It is a command line that poplar takes.
	read -r -a words <<<"$output"
	run -0 "$TREE${words[0]}" "${words[@]:1}" --help
	grep -q '^SuccessExitStatus=75$' poplar@.service
	grep -q '^LimitCORE=0$' poplar@.service
	grep -q '^WantedBy=timers.target$' poplar@.timer
}

@test "install: another prefix and unit directory are kept to" {
	mkdir "$BATS_TEST_TMPDIR/build"
	cd "$BATS_TEST_TMPDIR/build"
	"$SOURCE/configure" -q --prefix="$BATS_TEST_TMPDIR/own" \
		--with-systemduserunitdir="$BATS_TEST_TMPDIR/units"
	grep -qx "prefix = $BATS_TEST_TMPDIR/own" config.mk
	grep -qx "systemduserunitdir = $BATS_TEST_TMPDIR/units" config.mk
	# What is compiled already serves; make's own variables do the same.
	cd "$BATS_FILE_TMPDIR/build"
	set -- BUILD=built prefix="$BATS_TEST_TMPDIR/own" \
		systemduserunitdir="$BATS_TEST_TMPDIR/units"
	make -s "$@" install
	assert_file_executable "$BATS_TEST_TMPDIR/own/bin/poplar"
	assert_file_exist "$BATS_TEST_TMPDIR/units/poplar@.timer"
	grep -q "^ExecStart=$BATS_TEST_TMPDIR/own/bin/poplar " \
		"$BATS_TEST_TMPDIR/units/poplar@.service"
	make -s "$@" uninstall
	run -0 find "$BATS_TEST_TMPDIR/own" "$BATS_TEST_TMPDIR/units" ! -type d
	assert_output ''
}

@test "install: uninstall leaves nothing, distclean neither" {
	cd "$BATS_FILE_TMPDIR/build"
	cp -R "$TREE" "$BATS_TEST_TMPDIR/tree"
	make -s BUILD=built DESTDIR="$BATS_TEST_TMPDIR/tree" uninstall
	run -0 find "$BATS_TEST_TMPDIR/tree" ! -type d
	assert_output ''
	cp -R . "$BATS_TEST_TMPDIR/build"
	cd "$BATS_TEST_TMPDIR/build"
	make -s BUILD=built distclean
	run -0 ls -A
	assert_output ''
}

@test "install: the source stays as it was" {
	listing "$SOURCE" >now
	diff "$BATS_FILE_TMPDIR/before" now
}

@test "install: the same source gives the same program elsewhere" {
	umask 077
	TZ=Asia/Tokyo LC_ALL=C.UTF-8 copy_and_build \
		"$BATS_TEST_TMPDIR/a/deeper/place" "$BATS_TEST_TMPDIR/b"
	chmod -R u+w "$BATS_TEST_TMPDIR/a"
	cmp "$BATS_TEST_TMPDIR/b/built/poplar" "$BATS_FILE_TMPDIR/build/built/poplar"
}

@test "install: dist makes the same tarball twice, ready to configure" {
	local root version
	root=$(cd "$TESTS_DIR/.." && pwd)
	git -C "$root" rev-parse HEAD >/dev/null 2>&1 || skip 'this is no clone'
	version=$("$TREE/usr/bin/poplar" --version)
	version=poplar-${version#poplar }
	for run in one two; do
		mkdir "$run"
		(cd "$run" && BUILD=$PWD sh "$root/.ci/dist" >/dev/null)
	done
	cmp "one/$version.tar.gz" "two/$version.tar.gz"
	tar -tzf "one/$version.tar.gz" >names
	for name in configure Makefile man/poplar.1 src/main.c; do
		grep -qx "$version/$name" names
	done
	run ! grep -qvE "^$version/" names
	run ! grep -q autom4te names
}

# Where make would put the program.
prefix() {
	make -n BUILD=built install | sed -n 's|.* \(/[^ ]*\)/bin/poplar$|\1|p'
}

@test "configure: other flags in a configured tree are heeded, and remembered" {
	mkdir tree
	cd tree
	"$SOURCE/configure" -q
	assert_equal "$(prefix)" /usr/local
	make -s CONFIGURE_FLAGS='-q --prefix=/opt/mine' config.mk
	assert_equal "$(prefix)" /opt/mine
	# The same flags again, none, or a new configure.ac: nothing else.
	run -0 make -s CONFIGURE_FLAGS='-q --prefix=/opt/mine' config.mk
	assert_output ''
	touch -d '2000-01-01' config.mk
	run -0 make -s config.mk
	assert_equal "$(prefix)" /opt/mine
	make -s CONFIGURE_FLAGS='-q --prefix=/opt/other' config.mk
	assert_equal "$(prefix)" /opt/other
	# By hand, and once more.
	"$SOURCE/configure" -q --prefix=/opt/hand
	assert_equal "$(prefix)" /opt/hand
	make -s CONFIGURE_FLAGS='-q --prefix=/opt/other' config.mk
	assert_equal "$(prefix)" /opt/other
}

@test "configure: offsets of 64 bits where those of the compiler are shorter" {
	mkdir tree
	cd tree
	cat >short <<-'END'
	#!/bin/sh
	grep -qs off_t conftest.c && ! grep -q '_FILE_OFFSET_BITS 64' conftest.c &&
		set -- -Doff_t=int "$@"
	exec "${REAL_CC:-cc}" "$@"
	END
	chmod +x short
	REAL_CC=${CC:-} "$SOURCE/configure" -q CC="$PWD/short"
	run -0 grep '^LARGEFILE' config.mk
	assert_output --regexp '^LARGEFILE = +-D_FILE_OFFSET_BITS=64$'
	run -0 make -n BUILD=built built/src/main.o
	assert_output --partial ' -D_FILE_OFFSET_BITS=64 '
}

@test "configure: the file of the system's authorities" {
	mkdir tree
	cd tree
	"$SOURCE/configure" -q --with-ca-file=/etc/own.pem
	run -0 grep '^CA_FILE' config.mk
	assert_output 'CA_FILE = /etc/own.pem'
	run -0 make -n BUILD=built built/src/main.o
	assert_output --partial ' -DPOPLAR_CA_FILE=\"/etc/own.pem\" '
	"$SOURCE/configure" -q --without-ca-file
	run -0 grep '^CA_FILE' config.mk
	assert_output 'CA_FILE = '
}

@test "configure: new flags are for the compiler that was found to take them" {
	local flag=-ftrivial-auto-var-init=zero
	mkdir tree
	cd tree
	# one that takes it, though the real one may not
	cat >new <<-END
	#!/bin/sh
	for word; do
		shift
		[ "\$word" = $flag ] || set -- "\$@" "\$word"
	done
	exec ${CC:-cc} "\$@"
	END
	chmod +x new
	"$SOURCE/configure" -q CC="$PWD/new"
	run -0 env -u CC make -n BUILD=built built/src/main.o
	assert_output --partial " $flag "
	run -0 make -n BUILD=built CC=other built/src/main.o
	refute_output --partial "$flag"
	"$SOURCE/configure" -q CC="$PWD/new" --disable-hardening
	run -0 env -u CC make -n BUILD=built built/src/main.o
	refute_output --partial "$flag"
}

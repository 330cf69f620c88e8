/* SPDX-License-Identifier: ISC */
/* The registers of a tracee at the entry of a system call, by processor. */
#ifndef TORTURE_REGS_H
#define TORTURE_REGS_H

#include <elf.h>
#include <err.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>

struct regs {
	struct user_regs_struct user;
};

static inline void
regs_move(enum __ptrace_request request, pid_t pid, int set, void *data,
    size_t len)
{
	struct iovec iov = { data, len };

	if (ptrace(request, pid, (void *)(intptr_t)set, &iov) == -1)
		err(1, "registers");
}

static inline void
regs_get(pid_t pid, struct regs *regs)
{
	regs_move(PTRACE_GETREGSET, pid, NT_PRSTATUS, &regs->user,
	    sizeof(regs->user));
}

static inline void
regs_put(pid_t pid, struct regs *regs)
{
	regs_move(PTRACE_SETREGSET, pid, NT_PRSTATUS, &regs->user,
	    sizeof(regs->user));
}

#if defined(__x86_64__)
/* Do not make the call; let it return -1 with this errno. */
static inline void
regs_fail(pid_t pid, struct regs *regs, int error)
{
	regs->user.orig_rax = (unsigned long long)-1;
	regs->user.rax = (unsigned long long)-(long long)error;
	regs_put(pid, regs);
}

static inline void
regs_set_third(pid_t pid, struct regs *regs, uint64_t value)
{
	regs->user.rdx = value;
	regs_put(pid, regs);
}
#elif defined(__aarch64__)
static inline void
regs_fail(pid_t pid, struct regs *regs, int error)
{
	int none = -1;

	regs_move(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &none,
	    sizeof(none));
	regs->user.regs[0] = (unsigned long long)-(long long)error;
	regs_put(pid, regs);
}

static inline void
regs_set_third(pid_t pid, struct regs *regs, uint64_t value)
{
	regs->user.regs[2] = value;
	regs_put(pid, regs);
}
#else
#error "inject knows the registers of x86-64 and aarch64 only"
#endif

#endif

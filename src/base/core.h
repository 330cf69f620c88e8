/* SPDX-License-Identifier: ISC */
/* No core files: they would hold the passwords that are in memory. */
#ifndef BASE_CORE_H
#define BASE_CORE_H

/* From now on this process, and any that it forks, leaves no core file. */
void core_forbid(void);
/* In a child, before exec(3): core files are again what they were. */
void core_restore(void);

#endif

/* SPDX-License-Identifier: ISC */
/* How many descriptors may be open. */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

/*
 * Let this process and those it forks open as many descriptors as the system
 * permits (the hard limit), up to 4096.
 */
void limit_raise(void);
/* In a child that becomes another program: the limit we were started with. */
void limit_restore(void);

#endif

/* The boundary of a turn: epoll_wait and its kin, in the tables through which every loaded object calls them. */
#ifndef UNJAM_HOOKS_H
#define UNJAM_HOOKS_H

/* Hook every loaded object that calls them and is not hooked yet; cheap when nothing was loaded since. "" or why none could be
 * hooked. With the GIL; takes 0.5 to 4 ms the first time. */
const char *hooks_install(void);

/* From now on also the contexts that objects other than the interpreter enter for a step: uvloop's. Once a tally is asked for. */
void hooks_of_contexts(void);

/* Put back what is still ours. */
void hooks_remove(void);

#endif

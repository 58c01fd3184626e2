/* cleanup: release a local when its scope ends: `AUTO(result) PGresult *res = …`. */
#ifndef LIBS_BASE_CLEANUP_H
#define LIBS_BASE_CLEANUP_H

#define AUTO(name) __attribute__((cleanup(auto_##name)))

/* Defines what AUTO(name) does for `type`; free_fn gets the pointer and may see NULL. Once per
 * foreign type. */
#define DEFINE_AUTO(name, type, free_fn) \
    static inline void auto_##name(type *p) /* NOLINT(bugprone-macro-parentheses) */ \
    { \
        free_fn(*p); \
    }

#endif

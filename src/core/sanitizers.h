#pragma once

// EQUIBOLT_ADDRESS_SANITIZER and EQUIBOLT_THREAD_SANITIZER are defined where this is compiled with these
// sanitizers: GCC and clang tell in different ways.
#if defined(__SANITIZE_ADDRESS__)
#define EQUIBOLT_ADDRESS_SANITIZER
#endif
#if defined(__SANITIZE_THREAD__)
#define EQUIBOLT_THREAD_SANITIZER
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EQUIBOLT_ADDRESS_SANITIZER
#endif
#if __has_feature(thread_sanitizer)
#define EQUIBOLT_THREAD_SANITIZER
#endif
#endif

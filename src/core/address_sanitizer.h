#pragma once

// EQUIBOLT_ADDRESS_SANITIZER is defined where this is compiled with the address sanitizer: GCC and clang tell
// in different ways.
#if defined(__SANITIZE_ADDRESS__)
#define EQUIBOLT_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EQUIBOLT_ADDRESS_SANITIZER
#endif
#endif

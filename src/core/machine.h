#pragma once

#include <string>

namespace equibolt {

/// The processor's name as Linux tells it, "unknown" where it does not.
std::string processor_name();

/// Of main memory.
double gibibytes_of_memory();

}  // namespace equibolt

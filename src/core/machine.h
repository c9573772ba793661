#pragma once

#include <string>

namespace equibolt {

/// The processor's name as Linux reports it, or "unknown".
std::string processor_name();

/// Total main memory in GiB.
double gibibytes_of_memory();

}  // namespace equibolt

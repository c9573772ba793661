#pragma once

#include <string>

namespace equibolt {

// Numbers as people read them: as many digits as they are known to.

/// "11937.100 ± 0.047": both with the decimals that show two digits of the error. Five digits of the value
/// where the error is zero or next to it; "(no error bar)" where it is not finite.
std::string with_error(double value, double error);

/// The value alone, with the decimals that two digits of its error have.
std::string to_error(double value, double error);

/// "-11992.4 to -11966.1": with the decimals that show three digits of their difference.
std::string range_text(double low, double high);

}  // namespace equibolt

#pragma once

namespace equibolt {

/// "0.1.0", from the file VERSION.
const char* version();

}  // namespace equibolt

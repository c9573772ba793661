#pragma once

namespace equibolt {

/// "0.1.0", from the file VERSION.
const char* version();

/// The commit it was built from, "1a2b3c4d5e6f"; "unknown" outside a repository.
const char* commit();

}  // namespace equibolt

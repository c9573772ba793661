#include "runs/format_version.h"

#include "equibolt/error.h"

namespace equibolt {

void require_version(const Array& version, std::int64_t highest, const std::string& origin) {
  const auto found = version.as_int64();
  if (found.size() != 1) throw DataError("{}: format_version: expected one number", origin);
  require_version(found[0], highest, origin);
}

void require_version(std::int64_t version, std::int64_t highest, const std::string& origin) {
  if (version >= 1 && version <= highest) return;
  throw DataError("{}: has format version {}, and this program reads 1 to {}{}", origin, version, highest,
                  version > highest ? ": use a newer equibolt" : "");
}

}  // namespace equibolt

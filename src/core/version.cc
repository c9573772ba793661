#include "equibolt/version.h"

namespace equibolt {

const char* version() {
  return EQUIBOLT_VERSION;
}

const char* commit() {
  return EQUIBOLT_COMMIT;
}

}  // namespace equibolt

#include "equibolt/version.h"

namespace equibolt {

const char* version() {
  return EQUIBOLT_VERSION;
}

}  // namespace equibolt

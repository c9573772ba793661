#include <cstdlib>

#include "egnn/model_file.h"
#include "equibolt/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  try {
    const Model model = parse_model({data, size}, "fuzz");
    if (model.parameters.size() != ParameterLayout(model.architecture).size()) std::abort();
  } catch (const DataError&) {
  }
  return 0;
}

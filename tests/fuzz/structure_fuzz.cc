#include <cstdlib>
#include <optional>
#include <string_view>

#include "equibolt/error.h"
#include "io/mmcif.h"
#include "io/pdb.h"
#include "io/xyz.h"

/// Each format's reader takes the same text; most inputs get far in one of them only.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace equibolt;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto parse : {parse_pdb, parse_xyz, parse_mmcif}) {
    std::optional<Molecule> molecule;
    try {
      molecule = parse(text, "fuzz");
    } catch (const DataError&) {
      continue;
    }
    if (molecule->size() == 0 || molecule->positions.size() != 3 * molecule->size()) std::abort();
    (void)molecule->masses();
    // What is written is read again.
    const Configurations<float> x(1, molecule->size(), 3);
    if (parse_pdb(pdb_text(*molecule, x.view()), "again").elements() != molecule->elements()) std::abort();
    if (parse_xyz(xyz_text(*molecule, x.view()), "again").elements() != molecule->elements()) std::abort();
  }
  return 0;
}

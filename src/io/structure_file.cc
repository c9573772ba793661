#include "io/structure_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/dcd.h"
#include "io/gzip.h"
#include "io/mmcif.h"
#include "io/pdb.h"
#include "io/xyz.h"

namespace equibolt {
namespace {

using View = ConfigurationsView<const float>;

struct Format {
  std::string_view ending;
  Molecule (*parse)(std::string_view text, const std::string& origin) = nullptr;
  void (*write)(const std::filesystem::path& path, const Molecule& molecule, View x) = nullptr;
};

void write_pdb(const std::filesystem::path& path, const Molecule& molecule, View x) {
  write_file(path, std::string_view(pdb_text(molecule, x)));
}
void write_xyz(const std::filesystem::path& path, const Molecule& molecule, View x) {
  write_file(path, std::string_view(xyz_text(molecule, x)));
}
void write_dcd(const std::filesystem::path& path, const Molecule& /*molecule*/, View x) {
  write_file(path, std::span<const std::uint8_t>(dcd_bytes(x)));
}

constexpr std::array<Format, 7> kFormats{{{".pdb", parse_pdb, write_pdb},
                                          {".ent", parse_pdb, nullptr},
                                          {".cif", parse_mmcif, nullptr},
                                          {".mmcif", parse_mmcif, nullptr},
                                          {".xyz", parse_xyz, write_xyz},
                                          {".extxyz", parse_xyz, nullptr},
                                          {".dcd", nullptr, write_dcd}}};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// The format of that ending, or one that neither reads nor writes.
Format format_of(const std::filesystem::path& path) {
  const std::string ending = lower(path.extension().string());
  for (const Format& format : kFormats) {
    if (format.ending == ending) return format;
  }
  return {};
}

}  // namespace

Molecule read_structure(const std::filesystem::path& path) {
  const bool compressed = lower(path.extension().string()) == ".gz";
  const Format format = format_of(compressed ? path.stem() : path);
  if (format.parse == nullptr) {
    throw UsageError(
        "{}: expected a structure in a .pdb, .ent, .cif, .mmcif, .xyz or .extxyz file, or one of these "
        "with .gz",
        path.string());
  }
  const Bytes bytes = read_file(path);
  if (is_gzip(bytes)) return format.parse(gunzipped(bytes, path.string()), path.string());
  return format.parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

void write_trajectory(const std::filesystem::path& path, const Molecule& molecule, View x) {
  if (x.particles() != molecule.size() || x.dim() != 3) {
    throw DataError("{}: {} particles in {} dimensions are not {}'s {} atoms", path.string(), x.particles(),
                    x.dim(), molecule.origin, molecule.size());
  }
  const Format format = format_of(path);
  if (format.write == nullptr) throw UsageError("{}: expected .pdb, .xyz or .dcd", path.string());
  format.write(path, molecule, x);
}

}  // namespace equibolt

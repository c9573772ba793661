#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "egnn/architecture.h"
#include "io/npz.h"

/// For tests: networks with their results by another program (tests/golden/README.md), and errors relative
/// to them.
namespace equibolt {

struct Golden {
  std::string name;
  Architecture architecture;
  Npz npz;

  std::size_t batch() const { return values("t").size(); }
  std::vector<double> values(const std::string& array) const { return npz[array].as_double(); }
  bool has_divergence_gradient() const { return npz.contains("grad_div_x"); }

  /// The arrays `prefix` + weight name ("weight.", "vjp.", "grad_loss.", "grad_div.") in the order of
  /// ParameterLayout.
  std::vector<double> parameters(const std::string& prefix) const {
    const ParameterLayout layout(architecture);
    std::vector<double> all;
    for (const auto& array : layout.arrays()) {
      const std::vector<double> part = values(prefix + array.name);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }
};

inline Golden read_golden(const std::filesystem::path& path) {
  Golden golden{path.stem().string(), {}, read_npz(path)};
  const auto integer = [&](const char* name) {
    return static_cast<std::size_t>(golden.npz[name].as_int64().at(0));
  };
  golden.architecture.dim = integer("dim");
  golden.architecture.hidden = integer("hidden");
  golden.architecture.layers = integer("layers");
  golden.architecture.type_features = integer("n_type_features");
  for (const auto type : golden.npz["types"].as_int64()) {
    golden.architecture.types.push_back(static_cast<int>(type));
  }
  return golden;
}

/// Those of the repository, and larger ones where they lie beside it.
inline std::vector<Golden> golden_networks() {
  const std::filesystem::path root = EQUIBOLT_SOURCE_DIR;
  std::vector<Golden> all;
  for (const char* name : {"egnn_tiny", "egnn_one_layer", "egnn_layers", "egnn_plane"}) {
    all.push_back(read_golden(root / "tests/golden" / (std::string(name) + ".npz")));
  }
  for (const char* name : {"egnn_dw4", "egnn_four_layers", "egnn_lj13", "egnn_molecule", "egnn_lj55"}) {
    const auto path = root / "../shared/oracle" / (std::string(name) + ".npz");
    if (std::filesystem::exists(path)) all.push_back(read_golden(path));
  }
  return all;
}

template <typename T>
double norm(std::span<const T> a) {
  double square = 0;
  for (const T value : a) square += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(square);
}

/// |a − b| / |b|, or |a| where b is zero; NaN, which no test may let pass, when the lengths differ.
template <typename T>
double relative_error(std::span<const T> a, std::span<const double> b) {
  if (a.size() != b.size()) return std::nan("");
  double square = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double difference = static_cast<double>(a[k]) - b[k];
    square += difference * difference;
  }
  const double scale = norm(b);
  return std::sqrt(square) / (scale == 0 ? 1 : scale);
}
template <typename T>
double relative_error(const std::vector<T>& a, const std::vector<double>& b) {
  return relative_error(std::span<const T>(a), std::span<const double>(b));
}

}  // namespace equibolt

#include "chemistry/dihedral.h"

#include <cmath>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using Vector = std::array<double, 3>;

Vector between(std::span<const double> x, std::size_t from, std::size_t to) {
  return {x[3 * to] - x[3 * from], x[3 * to + 1] - x[3 * from + 1], x[3 * to + 2] - x[3 * from + 2]};
}

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector& a, const Vector& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

}  // namespace

DihedralAtoms dihedral_atoms(const Molecule& molecule, std::string_view text) {
  std::istringstream words{std::string(text)};
  std::vector<std::size_t> found;
  for (std::string word; words >> word;) found.push_back(molecule.atom(word));
  if (found.size() != 4) {
    throw UsageError("dihedral '{}': expected four atoms, as in \"1:C 2:N 2:CA 2:C\", found {}", text,
                     found.size());
  }
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = a + 1; b < 4; ++b) {
      if (found[a] == found[b]) throw UsageError("dihedral '{}': atom {} is named twice", text, found[a]);
    }
  }
  return {found[0], found[1], found[2], found[3]};
}

double dihedral(std::span<const double> x, const DihedralAtoms& atoms) {
  return add_dihedral_gradient(x, atoms, 0, {});
}

double add_dihedral_gradient(std::span<const double> x, const DihedralAtoms& atoms, double scale,
                             std::span<double> gradient) {
  const auto [i, j, k, l] = atoms;
  // The paper's F, G, H, A = F × G, B = H × G.
  const Vector f = between(x, j, i);
  const Vector g = between(x, k, j);
  const Vector h = between(x, k, l);
  const Vector a = cross(f, g);
  const Vector b = cross(h, g);
  const double aa = dot(a, a), bb = dot(b, b), gg = dot(g, g);
  if (!(aa > 0 && bb > 0)) return std::nan("");
  const double length = std::sqrt(gg);
  const double angle = std::atan2(dot(cross(b, a), g) / length, dot(a, b));
  if (gradient.empty()) return angle;
  const double fg = dot(f, g), hg = dot(h, g);
  for (std::size_t d = 0; d < 3; ++d) {
    const double at_i = -length / aa * a[d];
    const double at_l = length / bb * b[d];
    const double inner = fg / (aa * length) * a[d] - hg / (bb * length) * b[d];
    gradient[3 * i + d] += scale * at_i;
    gradient[3 * j + d] += scale * (-at_i + inner);
    gradient[3 * k + d] += scale * (-at_l - inner);
    gradient[3 * l + d] += scale * at_l;
  }
  return angle;
}

double angle_difference(double a, double b) {
  return std::remainder(a - b, 2 * std::numbers::pi);
}

}  // namespace equibolt

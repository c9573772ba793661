#include "system/correction.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr double kInterval = 0.35;  ///< Å, of splines of distances that vary much
constexpr std::size_t kLeastIntervals = 4, kMostIntervals = 14;

/// How far and how much a distance varies over configurations.
struct Spread {
  double low, high, mean, variance;
};

Spread spread_of(const AtomPair& pair, ConfigurationsView<const double> seen) {
  double low = std::numeric_limits<double>::infinity(), high = 0, sum = 0, square = 0;
  for (std::size_t b = 0; b < seen.count(); ++b) {
    const double d = distance_of(seen[b], pair);
    low = std::min(low, d);
    high = std::max(high, d);
    sum += d;
    square += d * d;
  }
  const auto count = static_cast<double>(seen.count());
  const double mean = sum / count;
  return {low, high, mean, square / count - mean * mean};
}

Splines::Range range_of(const Spread& spread) {
  const double extent = spread.high - spread.low;
  const std::size_t intervals =
      std::clamp(static_cast<std::size_t>(std::ceil(extent / kInterval)), kLeastIntervals, kMostIntervals);
  return {spread.low, std::max(extent, 1e-3) / static_cast<double>(intervals), intervals};
}

/// A dihedral about each bond that has more than one bond on both ends, through the heaviest neighbours.
std::vector<DihedralAtoms> dihedrals_about_bonds(const Molecule& molecule,
                                                 const std::vector<std::vector<std::size_t>>& neighbours) {
  std::vector<DihedralAtoms> dihedrals;
  for (std::size_t j = 0; j < molecule.size(); ++j) {
    for (const std::size_t k : neighbours[j]) {
      if (k < j || neighbours[j].size() < 2 || neighbours[k].size() < 2) continue;
      const auto other = [&](std::size_t of, std::size_t except) {
        // The heaviest, the first of those.
        std::size_t best = molecule.size();
        for (const std::size_t n : neighbours[of]) {
          if (n == except) continue;
          if (best == molecule.size() || molecule.atoms[n].element > molecule.atoms[best].element) best = n;
        }
        return best;
      };
      const std::size_t i = other(j, k), l = other(k, j);
      if (i != l) dihedrals.push_back({i, j, k, l});
    }
  }
  return dihedrals;
}

/// The pairs (a, b) of members of two lists of atom pairs that share an atom, ascending; of one list with
/// itself those with a < b. Nothing where there are more than `most`.
std::optional<std::vector<Product>> sharing_an_atom(std::span<const AtomPair> first,
                                                    std::span<const AtomPair> second, bool same_list,
                                                    std::size_t particles, std::size_t most) {
  std::vector<std::vector<std::size_t>> at(particles);  // the members of `second` at each atom
  for (std::size_t b = 0; b < second.size(); ++b) {
    for (const std::size_t atom : second[b]) at[atom].push_back(b);
  }
  std::vector<Product> products;
  for (std::size_t a = 0; a < first.size(); ++a) {
    std::vector<std::size_t> others = at[first[a][0]];
    others.insert(others.end(), at[first[a][1]].begin(), at[first[a][1]].end());
    std::sort(others.begin(), others.end());
    others.erase(std::unique(others.begin(), others.end()), others.end());
    for (const std::size_t b : others) {
      if (!same_list || a < b) products.push_back({a, b});
    }
    if (products.size() > most) return std::nullopt;
  }
  return products;
}

}  // namespace

std::optional<Correction> Correction::arranged(InternalCoordinates coordinates,
                                               std::vector<Splines::Range> ranges,
                                               std::vector<StiffDistance> stiff, std::size_t most) {
  std::vector<AtomPair> stiff_pairs, bonds;
  for (const StiffDistance& s : stiff) stiff_pairs.push_back(coordinates.pairs()[s.distance]);
  for (const DihedralAtoms& atoms : coordinates.dihedrals()) bonds.push_back({atoms[1], atoms[2]});
  const auto share = [&](const auto& first, const auto& second) {
    return sharing_an_atom(first, second, &first == &second, coordinates.particles(), most);
  };
  auto of_distances = share(stiff_pairs, stiff_pairs), of_dihedrals = share(bonds, bonds),
       mixed = share(stiff_pairs, bonds);
  if (!of_distances || !of_dihedrals || !mixed) return std::nullopt;
  const std::size_t distances = coordinates.pairs().size();
  Correction c;
  c.splines_ = Splines(std::move(ranges));
  c.stiff_products_ = {std::move(stiff), std::move(*of_distances)};
  c.torsions_ = {distances, coordinates.dihedrals().size(), std::move(*of_dihedrals)};
  c.mixed_products_ = {distances, std::move(*mixed)};
  c.coordinates_ = std::move(coordinates);
  const std::size_t size =
      c.splines_.size() + c.stiff_products_.size() + c.torsions_.size() + c.mixed_products_.size();
  if (size > most) return std::nullopt;
  c.weights_.assign(size, 0.0);
  return c;
}

Correction::Correction(const Molecule& molecule, ConfigurationsView<const double> seen) {
  if (seen.count() < 2)
    throw UsageError("a correction needs at least 2 configurations, found {}", seen.count());
  const auto neighbours =
      neighbours_of(molecule.size(), bonds_of(molecule.elements(), molecule.positions.data()));
  const auto bonded = [&](std::size_t i, std::size_t j) {
    return std::binary_search(neighbours[i].begin(), neighbours[i].end(), j);
  };
  InternalCoordinates coordinates(molecule.size(), dihedrals_about_bonds(molecule, neighbours));
  std::vector<Splines::Range> ranges;
  std::vector<StiffDistance> stiff;
  for (std::size_t p = 0; p < coordinates.pairs().size(); ++p) {
    const auto [i, j] = coordinates.pairs()[p];
    const Spread spread = spread_of(coordinates.pairs()[p], seen);
    ranges.push_back(range_of(spread));
    const bool next_nearest = std::any_of(neighbours[i].begin(), neighbours[i].end(),
                                          [&, j = j](std::size_t k) { return k != j && bonded(k, j); });
    if (bonded(i, j) || next_nearest)
      stiff.push_back({p, spread.mean, 3 * std::sqrt(std::max(spread.variance, 1e-6))});
  }
  *this = *arranged(std::move(coordinates), std::move(ranges), std::move(stiff),
                    std::numeric_limits<std::size_t>::max());
}

std::vector<Term> Correction::terms(std::span<const double> values) const {
  const auto q = bounded(stiff_products_.stiff(), values);
  const auto series = fourier(values, coordinates_.pairs().size());
  std::vector<Term> terms;
  terms.reserve(4 * splines_.ranges().size() + size() - splines_.size());
  std::size_t first = 0;
  splines_.append(values, first, terms);
  first += splines_.size();
  stiff_products_.append(q, first, terms);
  first += stiff_products_.size();
  torsions_.append(series, first, terms);
  first += torsions_.size();
  mixed_products_.append(stiff_products_.stiff(), q, series, first, terms);
  return terms;
}

double Correction::evaluate(std::span<const double> x, std::span<double> gradient) const {
  const std::vector<double> values = coordinates_.values(x);
  std::vector<double> scale(values.size(), 0.0);
  double sum = offset_;
  for (const Term& term : terms(values)) {
    const double weight = weights_[term.index];
    sum += weight * term.value;
    scale[term.a.coordinate] += weight * term.a.value;
    scale[term.b.coordinate] += weight * term.b.value;
  }
  if (!gradient.empty()) coordinates_.add_gradient(x, scale, gradient);
  return sum;
}

Npz Correction::to_npz() const {
  std::vector<double> ranges, stiff;
  std::vector<std::int64_t> dihedrals;
  for (const Splines::Range& r : splines_.ranges()) {
    for (const double value : {r.low, r.width, static_cast<double>(r.intervals)}) ranges.push_back(value);
  }
  for (const StiffDistance& s : stiff_products_.stiff()) {
    for (const double value : {static_cast<double>(s.distance), s.centre, s.scale}) stiff.push_back(value);
  }
  for (const DihedralAtoms& atoms : coordinates_.dihedrals()) {
    for (const std::size_t atom : atoms) dihedrals.push_back(static_cast<std::int64_t>(atom));
  }
  Npz npz;
  npz.arrays["particles"] = Array::scalar(static_cast<std::int64_t>(particles()));
  npz.arrays["ranges"] = Array::of(std::span<const double>(ranges), {ranges.size() / 3, 3});
  npz.arrays["stiff"] = Array::of(std::span<const double>(stiff), {stiff.size() / 3, 3});
  npz.arrays["dihedrals"] = Array::of(std::span<const std::int64_t>(dihedrals), {dihedrals.size() / 4, 4});
  npz.arrays["weights"] = Array::of(weights_);
  npz.arrays["offset"] = Array::of(std::vector<double>{offset_});
  return npz;
}

Correction Correction::from(const Npz& npz) {
  const auto require = [&](bool sound, const char* what) {
    if (!sound) throw DataError("{}: {} is not that of a correction", npz.origin, what);
  };
  for (const char* name : {"ranges", "stiff", "weights", "offset"}) {
    if (const auto at = npz[name].first_not_finite()) {
      throw DataError("{}: array '{}': expected finite numbers, number {} is not", npz.origin, name, *at);
    }
  }
  const auto count = npz["particles"].as_int64();
  require(count.size() == 1 && count[0] >= 2 && count[0] <= 100000, "particles");
  const auto particles = static_cast<std::size_t>(count[0]);
  // Sizes first: what is made below is as large as these arrays, and not as large as a number in the file.
  const std::size_t pairs = particles * (particles - 1) / 2;
  const auto ranges = npz["ranges"].as_double(), stiff = npz["stiff"].as_double();
  const auto dihedrals = npz["dihedrals"].as_int64();
  require(ranges.size() == 3 * pairs, "ranges");
  require(stiff.size() % 3 == 0 && stiff.size() <= 3 * pairs, "stiff");
  require(dihedrals.size() % 4 == 0, "dihedrals");

  std::vector<Splines::Range> all_ranges;
  for (std::size_t k = 0; k < ranges.size(); k += 3) {
    require(ranges[k + 1] > 0 && ranges[k + 2] >= 1 && ranges[k + 2] <= 1000, "ranges");
    all_ranges.push_back({ranges[k], ranges[k + 1], static_cast<std::size_t>(ranges[k + 2])});
  }
  std::vector<StiffDistance> all_stiff;
  for (std::size_t k = 0; k < stiff.size(); k += 3) {
    const bool ascending = k == 0 || stiff[k] > stiff[k - 3];
    require(stiff[k] >= 0 && stiff[k] < static_cast<double>(pairs) && ascending && stiff[k + 2] > 0, "stiff");
    all_stiff.push_back({static_cast<std::size_t>(stiff[k]), stiff[k + 1], stiff[k + 2]});
  }
  std::vector<DihedralAtoms> all_dihedrals;
  for (std::size_t k = 0; k < dihedrals.size(); k += 4) {
    DihedralAtoms atoms{};
    for (std::size_t a = 0; a < 4; ++a) {
      require(dihedrals[k + a] >= 0 && dihedrals[k + a] < count[0], "dihedrals");
      atoms[a] = static_cast<std::size_t>(dihedrals[k + a]);
      require(std::find(atoms.begin(), atoms.begin() + a, atoms[a]) == atoms.begin() + a, "dihedrals");
    }
    all_dihedrals.push_back(atoms);
  }
  const auto weights = npz["weights"].as_double(), offset = npz["offset"].as_double();
  require(offset.size() == 1, "offset");
  auto correction = arranged({particles, std::move(all_dihedrals)}, std::move(all_ranges),
                             std::move(all_stiff), weights.size());
  require(correction && weights.size() == correction->size(), "weights");
  correction->weights_ = weights;
  correction->offset_ = offset[0];
  return std::move(*correction);
}

Corrected::Corrected(std::unique_ptr<Energy> energy, std::shared_ptr<const Correction> correction)
    : AddedTerm(std::move(energy)), correction_(std::move(correction)) {
  if (dim() != 3 || particles() != correction_->particles()) {
    throw DataError("the correction is of {} atoms, the energy of {} particles in {} dimensions",
                    correction_->particles(), particles(), dim());
  }
}

std::unique_ptr<Energy> Corrected::clone() const {
  return std::make_unique<Corrected>(energy().clone(), correction_);
}

}  // namespace equibolt

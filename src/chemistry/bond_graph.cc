#include "chemistry/bond_graph.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <utility>

#include "core/hash.h"

namespace equibolt {
namespace {

/// (N,): equal for atoms that are not told apart yet. Values depend on what is around an atom, not on its
/// number, so that those of two molecules can be compared.
using Colours = std::vector<std::uint64_t>;

/// How the handedness of the configuration's centres counts: as it is, reversed, or not at all.
enum class Hands { kept, reversed, ignored };

int sign_of(Hands hands) {
  return hands == Hands::reversed ? -1 : 1;
}

std::uint64_t hash_of(const std::vector<std::uint64_t>& values) {
  return content_hash(std::span<const std::uint64_t>(values));
}

/// Colour refinement (Weisfeiler and Leman): an atom's colour and its neighbours' make its next colour, and a
/// centre whose four neighbours are told apart adds its handedness times `hand`, unless that is 0. Ends when
/// a round tells no more atoms apart; isomorphic graphs take equally many rounds.
Colours refined(const BondGraph& graph, Colours colours, int hand) {
  const auto number_of_colours = [&] {
    return std::set<std::uint64_t>(colours.begin(), colours.end()).size();
  };
  std::size_t before = number_of_colours();
  for (std::size_t round = 0; round <= graph.size(); ++round) {
    Colours next;
    for (std::size_t i = 0; i < graph.size(); ++i) {
      auto around = graph.neighbours()[i];
      std::sort(around.begin(), around.end(), [&](auto a, auto b) { return colours[a] < colours[b]; });
      std::vector<std::uint64_t> seen;
      for (const std::size_t j : around) seen.push_back(colours[j]);
      const bool distinct = std::adjacent_find(seen.begin(), seen.end()) == seen.end();
      seen.push_back(colours[i]);
      if (hand != 0 && graph.is_centre(i) && distinct)
        seen.push_back(hand * graph.orientation(around) > 0 ? 1 : 2);
      next.push_back(hash_of(seen));
    }
    colours = std::move(next);
    const std::size_t after = number_of_colours();
    if (after == before) break;
    before = after;
  }
  return colours;
}

/// The end of a chain: its equals at the same atom can be exchanged without changing any other bond.
bool is_leaf(const BondGraph& graph, std::size_t i) {
  return graph.neighbours()[i].size() == 1 && graph.neighbours()[graph.neighbours()[i].front()].size() > 1;
}

class Search {
 public:
  Search(const BondGraph& configuration, const BondGraph& reference, Hands hands)
      : configuration_(configuration), reference_(reference), hands_(hands) {}

  /// An isomorphism, or nothing where there is none.
  std::vector<std::size_t> run() {
    std::vector<std::size_t> same_order(reference_.size());
    std::iota(same_order.begin(), same_order.end(), std::size_t{0});
    if (is_isomorphism(same_order)) return same_order;
    const auto initial = [](const BondGraph& graph) {
      return Colours(graph.elements().begin(), graph.elements().end());
    };
    if (!extend(initial(configuration_), initial(reference_))) return {};
    return atoms_;
  }

 private:
  /// Tells atoms apart until the colours decide who is who: an atom of a class of several is marked in the
  /// reference, and each of the configuration's class is tried for it.
  bool extend(Colours configuration, Colours reference) {
    const int hand = hands_ == Hands::ignored ? 0 : 1;
    configuration = refined(configuration_, std::move(configuration), hand * sign_of(hands_));
    reference = refined(reference_, std::move(reference), hand);
    Colours all = configuration, wanted = reference;
    std::sort(all.begin(), all.end());
    std::sort(wanted.begin(), wanted.end());
    if (all != wanted) return false;

    for (std::size_t v = 0; v < reference_.size(); ++v) {
      if (is_leaf(reference_, v) || std::count(reference.begin(), reference.end(), reference[v]) == 1)
        continue;
      Colours marked = reference;
      marked[v] = hash_of({reference[v], 0});
      std::vector<std::size_t> candidates;
      for (std::size_t w = 0; w < configuration.size(); ++w) {
        if (configuration[w] == reference[v]) candidates.push_back(w);
      }
      // Its own number first, so that no more atoms change places than have to.
      std::stable_partition(candidates.begin(), candidates.end(), [v](std::size_t w) { return w == v; });
      for (const std::size_t w : candidates) {
        Colours tried = configuration;
        tried[w] = marked[v];
        if (extend(std::move(tried), marked)) return true;
      }
      return false;
    }
    assign(configuration, reference);
    return is_isomorphism(atoms_);
  }

  /// Atoms that are not leaves by their colours, which are all different; then the leaves of each atom.
  void assign(const Colours& configuration, const Colours& reference) {
    const std::size_t size = reference_.size();
    atoms_.assign(size, size);
    for (std::size_t v = 0; v < size; ++v) {
      if (is_leaf(reference_, v)) continue;
      const auto found = std::find(configuration.begin(), configuration.end(), reference[v]);
      atoms_[v] = static_cast<std::size_t>(found - configuration.begin());
    }
    for (std::size_t centre = 0; centre < size; ++centre) {
      if (!is_leaf(reference_, centre)) assign_leaves(centre);
    }
  }

  /// The permutation of equal leaves that has the right handedness and then the most similar distances.
  void assign_leaves(std::size_t centre) {
    const auto leaves_of = [](const BondGraph& graph, std::size_t atom) {
      std::vector<std::size_t> leaves;
      for (const std::size_t j : graph.neighbours()[atom]) {
        if (is_leaf(graph, j)) leaves.push_back(j);
      }
      std::stable_sort(leaves.begin(), leaves.end(),
                       [&](auto a, auto b) { return graph.elements()[a] < graph.elements()[b]; });
      return leaves;
    };
    const auto wanted = leaves_of(reference_, centre);
    auto there = leaves_of(configuration_, atoms_[centre]);
    const std::vector<std::size_t> anchors = near(centre);
    std::vector<std::size_t> best = there;
    double best_score = INFINITY;
    constexpr std::size_t most_permuted = 6;
    std::vector<std::size_t> place(there.size());
    std::iota(place.begin(), place.end(), std::size_t{0});
    do {
      bool fits = true;
      for (std::size_t k = 0; k < place.size(); ++k) {
        fits = fits && configuration_.elements()[there[place[k]]] == reference_.elements()[wanted[k]];
        if (fits) atoms_[wanted[k]] = there[place[k]];
      }
      if (!fits) continue;
      const double score = (has_right_hand(centre) ? 0 : 1e6) + deviation(wanted, anchors);
      if (score < best_score) {
        best_score = score;
        for (std::size_t k = 0; k < place.size(); ++k) best[k] = there[place[k]];
      }
    } while (place.size() <= most_permuted && std::next_permutation(place.begin(), place.end()));
    for (std::size_t k = 0; k < wanted.size(); ++k) atoms_[wanted[k]] = best[k];
  }

  /// Atoms of the reference up to two bonds from `centre` that are not leaves.
  std::vector<std::size_t> near(std::size_t centre) const {
    std::set<std::size_t> found;
    for (const std::size_t j : reference_.neighbours()[centre]) {
      found.insert(j);
      found.insert(reference_.neighbours()[j].begin(), reference_.neighbours()[j].end());
    }
    found.erase(centre);
    std::erase_if(found, [&](std::size_t j) { return is_leaf(reference_, j); });
    return {found.begin(), found.end()};
  }

  double deviation(const std::vector<std::size_t>& leaves, const std::vector<std::size_t>& anchors) const {
    double sum = 0;
    for (const std::size_t leaf : leaves) {
      for (const std::size_t anchor : anchors) {
        const double difference =
            configuration_.distance(atoms_[leaf], atoms_[anchor]) - reference_.distance(leaf, anchor);
        sum += difference * difference;
      }
    }
    return sum;
  }

  bool has_right_hand(std::size_t centre) const {
    if (!reference_.is_centre(centre)) return true;
    std::vector<std::size_t> there;
    for (const std::size_t j : reference_.neighbours()[centre]) there.push_back(atoms_[j]);
    return sign_of(hands_) * configuration_.orientation(there) ==
           reference_.orientation(reference_.neighbours()[centre]);
  }

  bool is_isomorphism(const std::vector<std::size_t>& atoms) {
    atoms_ = atoms;
    for (std::size_t v = 0; v < reference_.size(); ++v) {
      if (configuration_.elements()[atoms[v]] != reference_.elements()[v]) return false;
      std::vector<std::size_t> there;
      for (const std::size_t j : reference_.neighbours()[v]) there.push_back(atoms[j]);
      std::sort(there.begin(), there.end());
      if (there != configuration_.neighbours()[atoms[v]]) return false;
      if (hands_ != Hands::ignored && !has_right_hand(v)) return false;
    }
    return true;
  }

  const BondGraph& configuration_;
  const BondGraph& reference_;
  Hands hands_;
  std::vector<std::size_t> atoms_;
};

}  // namespace

BondGraph::BondGraph(std::vector<int> elements, std::span<const double> x)
    : elements_(std::move(elements)),
      x_(x.begin(), x.end()),
      neighbours_(neighbours_of(elements_.size(), bonds_of(elements_, x_.data()))) {}

BondGraph::BondGraph(std::vector<int> elements, std::span<const double> x, const Bonds& bonds)
    : elements_(std::move(elements)),
      x_(x.begin(), x.end()),
      neighbours_(neighbours_of(elements_.size(), bonds)) {}

bool BondGraph::is_centre(std::size_t atom) const {
  const int z = elements_[atom];
  const bool transition_metal = (z >= 21 && z <= 30) || (z >= 39 && z <= 48) || (z >= 57 && z <= 80);
  return neighbours_[atom].size() == 4 && !transition_metal;
}

int BondGraph::orientation(std::span<const std::size_t> four) const {
  double v[3][3];
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t d = 0; d < 3; ++d) v[k][d] = x_[3 * four[k] + d] - x_[3 * four[3] + d];
  }
  const double volume = v[0][0] * (v[1][1] * v[2][2] - v[1][2] * v[2][1]) -
                        v[0][1] * (v[1][0] * v[2][2] - v[1][2] * v[2][0]) +
                        v[0][2] * (v[1][0] * v[2][1] - v[1][1] * v[2][0]);
  return volume > 0 ? 1 : -1;
}

double BondGraph::distance(std::size_t i, std::size_t j) const {
  return std::hypot(x_[3 * i] - x_[3 * j], x_[3 * i + 1] - x_[3 * j + 1], x_[3 * i + 2] - x_[3 * j + 2]);
}

Match match(const BondGraph& configuration, const BondGraph& reference) {
  if (configuration.size() != reference.size()) return {};
  const auto with = [&](Hands hands) { return Search(configuration, reference, hands).run(); };
  if (auto atoms = with(Hands::kept); !atoms.empty()) return {Identity::same, std::move(atoms)};
  auto by_bonds = with(Hands::ignored);
  if (by_bonds.empty()) return {};
  if (auto atoms = with(Hands::reversed); !atoms.empty()) return {Identity::mirrored, std::move(atoms)};
  return {Identity::other_hand, std::move(by_bonds)};
}

}  // namespace equibolt

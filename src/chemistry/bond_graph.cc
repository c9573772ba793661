#include "chemistry/bond_graph.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/hash.h"

namespace equibolt {
namespace {

std::uint64_t hash_of(const std::vector<std::uint64_t>& values) {
  return content_hash(std::span<const std::uint64_t>(values));
}

std::size_t number_of_colours(const std::vector<std::uint64_t>& colours) {
  return std::set<std::uint64_t>(colours.begin(), colours.end()).size();
}

}  // namespace

BondGraph::BondGraph(std::vector<int> elements, std::span<const double> x)
    : elements_(std::move(elements)),
      x_(x.begin(), x.end()),
      neighbours_(neighbours_of(elements_.size(), bonds_of(elements_, x_.data()))) {
  for (const int element : elements_) colours_.push_back(static_cast<std::uint64_t>(element));
  // Until a round tells no more atoms apart: equal graphs then take as many.
  for (std::size_t round = 0; round < elements_.size(); ++round) {
    const std::size_t before = number_of_colours(colours_);
    std::vector<std::uint64_t> next;
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      std::vector<std::uint64_t> around;
      for (const std::size_t j : neighbours_[i]) around.push_back(colours_[j]);
      std::sort(around.begin(), around.end());
      around.push_back(colours_[i]);
      next.push_back(hash_of(around));
    }
    colours_ = std::move(next);
    if (number_of_colours(colours_) == before) break;
  }
}

std::uint64_t BondGraph::fingerprint() const {
  auto sorted = colours_;
  std::sort(sorted.begin(), sorted.end());
  return hash_of(sorted);
}

std::vector<int> BondGraph::handedness() const {
  std::vector<std::pair<std::uint64_t, int>> centres;
  for (std::size_t i = 0; i < elements_.size(); ++i) {
    if (neighbours_[i].size() != 4) continue;
    auto around = neighbours_[i];
    std::sort(around.begin(), around.end(), [&](auto a, auto b) { return colours_[a] < colours_[b]; });
    bool distinct = true;
    for (std::size_t k = 0; k < 3; ++k) distinct = distinct && colours_[around[k]] != colours_[around[k + 1]];
    if (!distinct) continue;
    double v[3][3];
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t d = 0; d < 3; ++d) v[k][d] = x_[3 * around[k] + d] - x_[3 * around[3] + d];
    }
    const double volume = v[0][0] * (v[1][1] * v[2][2] - v[1][2] * v[2][1]) -
                          v[0][1] * (v[1][0] * v[2][2] - v[1][2] * v[2][0]) +
                          v[0][2] * (v[1][0] * v[2][1] - v[1][1] * v[2][0]);
    centres.emplace_back(colours_[i], volume > 0 ? 1 : -1);
  }
  std::sort(centres.begin(), centres.end());
  std::vector<int> hands;
  for (const auto& [colour, hand] : centres) hands.push_back(hand);
  return hands;
}

BondGraph BondGraph::mirrored() const {
  BondGraph mirror = *this;
  for (double& value : mirror.x_) value = -value;
  return mirror;
}

Identity compare(const BondGraph& configuration, const BondGraph& reference) {
  if (configuration.fingerprint() != reference.fingerprint()) return Identity::other_bonds;
  const auto hands = configuration.handedness();
  auto wanted = reference.handedness();
  if (hands == wanted) return Identity::same;
  wanted = reference.mirrored().handedness();
  return hands == wanted ? Identity::mirrored : Identity::other_hand;
}

}  // namespace equibolt

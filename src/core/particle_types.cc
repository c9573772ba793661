#include "equibolt/particle_types.h"

#include <map>

namespace equibolt {

std::vector<std::vector<std::size_t>> groups_of(const ParticleTypes& types) {
  std::map<int, std::vector<std::size_t>> by_type;
  for (std::size_t i = 0; i < types.size(); ++i) by_type[types[i]].push_back(i);
  std::vector<std::vector<std::size_t>> groups;
  groups.reserve(by_type.size());
  for (auto& [type, members] : by_type) groups.push_back(std::move(members));
  return groups;
}

}  // namespace equibolt

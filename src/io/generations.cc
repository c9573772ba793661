#include "io/generations.h"

#include <algorithm>
#include <system_error>

#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr std::size_t kKept = 2;

}  // namespace

std::vector<std::filesystem::path> Generations::files() const {
  std::vector<std::filesystem::path> found;
  if (!std::filesystem::is_directory(folder)) return found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with(name + "-") && file.ends_with(".npz")) found.push_back(entry.path());
  }
  std::sort(found.rbegin(), found.rend());  // the names sort as the numbers do
  return found;
}

void Generations::write(std::uint64_t number, const Npz& npz) const {
  write_npz(folder / fmt::format("{}-{:012}.npz", name, number), npz);
  const auto all = files();
  for (std::size_t k = kKept; k < all.size(); ++k) {
    std::error_code stays;  // the next write tries again
    std::filesystem::remove(all[k], stays);
  }
}

namespace {

/// Parses the newest that is sound; gives those that are damaged, newer than it, to `damage` with the reason.
bool parse_newest(const Generations& states, const std::function<void(const Npz&)>& parse,
                  const std::function<void(const std::filesystem::path&, const DataError&)>& damage) {
  const auto all = states.files();
  for (const auto& path : all) {
    try {
      parse(read_npz(path));
      return true;
    } catch (const DataError& error) {
      damage(path, error);
    }
  }
  if (!all.empty()) {
    throw DataError("{}: none of the {} saved states '{}-*.npz' can be read", states.folder.string(),
                    all.size(), states.name);
  }
  return false;
}

}  // namespace

bool Generations::read_newest(const std::function<void(const Npz&)>& parse,
                              const std::function<void(const std::string&)>& warn) const {
  std::vector<std::filesystem::path> damaged;
  const bool found =
      parse_newest(*this, parse, [&](const std::filesystem::path& path, const DataError& error) {
        warn(fmt::format("left aside: {}", error.what()));
        damaged.push_back(path);
      });
  for (const auto& one : damaged) {
    std::error_code kept;  // a folder that cannot be written to is found out by the next write
    std::filesystem::rename(one, std::filesystem::path(one) += ".damaged", kept);
  }
  return found;
}

bool Generations::look_at_newest(const std::function<void(const Npz&)>& parse) const {
  return parse_newest(*this, parse, [](const std::filesystem::path&, const DataError&) {});
}

}  // namespace equibolt

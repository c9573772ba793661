#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"
#include "runs/recipe.h"

namespace equibolt {

/// What an output depends on, kept in the output as JSON (its array `about`), so that nothing is ever joined
/// to what another request gave.
class Request {
 public:
  /// The config's keys for which `counts` holds, but for paths, and the content of the energy's files.
  Request(const RunConfig& config, const std::function<bool(const std::string&)>& counts);

  void add(const std::string& name, const std::string& value);
  void add(const std::string& name, std::uint64_t value);
  /// A hash of content.
  void add_hash(const std::string& name, std::uint64_t hash);

  std::string text() const;
  /// What differs from the request with that text. Keys that an earlier version did not record had their
  /// defaults then; content that it did not record is not compared, unless it is recorded in the form of
  /// earlier versions of the molecules' commands: under the name alone, or as NAME_hash. Throws DataError
  /// where `there` is no request.
  std::vector<Difference> differences_from(const std::string& there, const std::string& origin) const;
  /// Throws UsageError that names every difference, and ends with `remedy`.
  void require_same(const std::string& there, const std::string& origin, const std::string& remedy) const;

 private:
  std::map<std::string, std::string> values_, defaults_, contents_;
  std::map<std::string, std::uint64_t> numbers_;
};

}  // namespace equibolt

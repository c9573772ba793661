#include "runs/request.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "system/energy_files.h"

namespace equibolt {
namespace {

constexpr std::string_view kContent = "content of ";

/// Whether a value is a path, as TOML, by which earlier versions recorded files; an empty one is that of no
/// file.
bool is_path(const std::string& value) {
  return value.size() > 2 && value.front() == '"';
}

}  // namespace

Request::Request(const RunConfig& config, const std::function<bool(const std::string&)>& counts) {
  RunConfig copy = config, plain;
  plain.system = system_kinds()[config.system.kind.index()].second;
  for (const ConfigKey& key : config_table(copy)) {
    // Nothing that is kept depends on the observables that analyses look at.
    if (key.name == "system.observables") continue;
    if (!key.is_path && counts(key.name)) values_[key.name] = key.text();
  }
  for (const ConfigKey& key : config_table(plain)) {
    if (values_.contains(key.name)) defaults_[key.name] = key.text();
  }
  for (const FileHash& file : files_of(config.system)) add_hash(file.key, file.hash);
}

void Request::add(const std::string& name, const std::string& value) {
  values_[name] = value;
}

void Request::add(const std::string& name, std::uint64_t value) {
  numbers_[name] = value;
}

void Request::add_hash(const std::string& name, std::uint64_t hash) {
  contents_[std::string(kContent) + name] = fmt::format("{:016x}", hash);
}

std::string Request::text() const {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [name, value] : numbers_) json[name] = value;
  for (const auto& [name, value] : contents_) json[name] = value;
  for (const auto& [name, value] : values_) json[name] = value;
  return json.dump();
}

std::vector<Difference> Request::differences_from(const std::string& there, const std::string& origin) const {
  std::map<std::string, std::string> before;
  try {
    const auto json = nlohmann::ordered_json::parse(there);
    for (const auto& [name, value] : json.items())
      before[name] = value.is_string() ? value.get<std::string>() : value.dump();
  } catch (const nlohmann::ordered_json::exception& error) {
    throw DataError("{}: 'about': expected the JSON of a request: {}", origin, error.what());
  }
  std::vector<Difference> found;
  const auto compare = [&](const std::string& name, const std::string& now, const std::string& absent) {
    const auto at = before.find(name);
    const std::string& was = at == before.end() ? absent : at->second;
    if (was != now) found.push_back({name, was, now});
  };
  for (const auto& [name, value] : numbers_) compare(name, fmt::format("{}", value), "(absent)");
  for (const auto& [name, value] : values_) {
    const auto plain = defaults_.find(name);
    compare(name, value, plain == defaults_.end() ? "(absent)" : plain->second);
  }
  std::set<std::string> known;
  for (const auto& [name, value] : contents_) {
    const std::string bare = name.substr(kContent.size());
    for (const std::string& recorded : {name, bare + "_hash", bare}) {
      known.insert(recorded);
      const auto at = before.find(recorded);
      if (at == before.end() || is_path(at->second)) continue;
      if (at->second != value) found.push_back({name, at->second, value});
      break;
    }
  }
  // A config's key that does not count any more counted for nothing then.
  for (const auto& [name, value] : before) {
    const bool key = name.find('.') != std::string::npos && !name.starts_with(kContent);
    if (key || known.contains(name) || numbers_.contains(name) || values_.contains(name)) continue;
    found.push_back({name, value, "(absent)"});
  }
  return found;
}

void Request::require_same(const std::string& there, const std::string& origin,
                           const std::string& remedy) const {
  const auto changed = differences_from(there, origin);
  if (changed.empty()) return;
  throw UsageError("{}: was made with other settings:{}\n{}", origin, text_of(changed), remedy);
}

}  // namespace equibolt

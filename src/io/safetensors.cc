#include "io/safetensors.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using Json = nlohmann::json;

constexpr std::size_t header_limit = 16 << 20;
constexpr const char* metadata_key = "__metadata__";

/// nlohmann-json keeps the last of several equal keys and says nothing.
Json parse_without_duplicates(std::string_view text, const std::string& origin) {
  std::vector<std::set<std::string>> keys;  // of each object that is open
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 8) throw DataError("{}: the header is nested too deeply", origin);
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw DataError("{}: key '{}' is twice in the header", origin, value.get<std::string>());
    }
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::exception& error) {
    throw DataError("{}: broken header: {}", origin, error.what());
  }
}

std::vector<std::size_t> unsigned_list(const Json& list, const std::string& what) {
  const auto is_unsigned = [](const Json& value) { return value.is_number_unsigned(); };
  if (!list.is_array() || !std::all_of(list.begin(), list.end(), is_unsigned)) {
    throw DataError("{}: a list of non-negative integers expected, {} found", what, list.dump());
  }
  return list.get<std::vector<std::size_t>>();
}

/// A tensor's entry in the header; its data are [begin, end) of what follows the header.
struct Entry {
  std::string name;
  DType dtype;
  std::vector<std::size_t> shape;
  std::size_t begin;
  std::size_t end;
};

Entry parse_entry(const std::string& name, const Json& json, const std::string& what) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    throw DataError("{}: the keys dtype, shape and data_offsets expected, {} found", what, json.dump());
  }
  const bool single = json["dtype"] == "F32";
  if (!single && json["dtype"] != "F64") {
    throw DataError("{}: dtype F32 or F64 expected, {} found", what, json["dtype"].dump());
  }
  const std::vector<std::size_t> offsets = unsigned_list(json["data_offsets"], what + ": data_offsets");
  Entry entry{name, single ? DType::f4 : DType::f8, unsigned_list(json["shape"], what + ": shape"), 0, 0};
  std::size_t size = size_of(entry.dtype);
  bool overflow = false;
  for (const std::size_t n : entry.shape) overflow |= __builtin_mul_overflow(size, n, &size);
  if (overflow || offsets.size() != 2 || offsets[1] < offsets[0] || offsets[1] - offsets[0] != size) {
    throw DataError("{}: data_offsets {} do not hold shape {} of {}", what, json["data_offsets"].dump(),
                    shape_text(entry.shape), name_of(entry.dtype));
  }
  entry.begin = offsets[0];
  entry.end = offsets[1];
  return entry;
}

}  // namespace

Safetensors parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& origin) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) {
    throw DataError("{}: not a safetensors file: {} bytes, at least 8 expected", origin, bytes.size());
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > header_limit) {
    throw DataError("{}: not a safetensors file: a header of {} bytes, at most {} expected", origin, length,
                    header_limit);
  }
  if (length > bytes.size() - sizeof length) {
    throw DataError("{}: truncated: a header of {} bytes does not fit into {} bytes", origin, length,
                    bytes.size());
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof length, length);
  if (!text.starts_with('{')) throw DataError("{}: not a safetensors file: the header is no object", origin);
  const Json header = parse_without_duplicates(text, origin);
  const std::span<const std::uint8_t> data = bytes.subspan(sizeof length + length);

  Safetensors file;
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name != metadata_key) {
      entries.push_back(parse_entry(name, json, fmt::format("{}: tensor '{}'", origin, name)));
      continue;
    }
    const auto is_text = [](const Json& value) { return value.is_string(); };
    if (!json.is_object() || !std::all_of(json.begin(), json.end(), is_text)) {
      throw DataError("{}: {} has to map text to text", origin, metadata_key);
    }
    file.metadata = json.get<std::map<std::string, std::string>>();
  }

  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::size_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end) {
      throw DataError("{}: tensor '{}': data begin at {}, expected {} (a gap or an overlap)", origin,
                      entry.name, entry.begin, end);
    }
    end = entry.end;
  }
  if (end != data.size()) {
    throw DataError("{}: {} bytes of data expected, {} found", origin, end, data.size());
  }
  for (const Entry& entry : entries) {
    const auto part = data.subspan(entry.begin, entry.end - entry.begin);
    Array array{entry.dtype, entry.shape, Bytes(part.begin(), part.end()),
                fmt::format("{}: tensor '{}'", origin, entry.name)};
    if (const auto bad = array.first_not_finite()) {
      throw DataError("{}: element {} of shape {} is not finite", array.origin, *bad,
                      shape_text(array.shape));
    }
    file.tensors.emplace(entry.name, std::move(array));
  }
  return file;
}

Bytes safetensors_bytes(const Safetensors& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header[metadata_key] = file.metadata;
  std::size_t end = 0;
  for (const auto& [name, array] : file.tensors) {
    assert(array.dtype == DType::f4 || array.dtype == DType::f8);
    const std::size_t begin = end;
    end += array.bytes.size();
    header[name] = {{"dtype", array.dtype == DType::f4 ? "F32" : "F64"},
                    {"shape", array.shape},
                    {"data_offsets", {begin, end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    throw DataError("cannot write a safetensors header: {}", error.what());
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();

  Bytes bytes(sizeof length + text.size() + end);
  std::memcpy(bytes.data(), &length, sizeof length);
  auto out = std::copy(text.begin(), text.end(), bytes.begin() + sizeof length);
  for (const auto& [name, array] : file.tensors) out = std::copy(array.bytes.begin(), array.bytes.end(), out);
  return bytes;
}

Safetensors read_safetensors(const std::filesystem::path& path) {
  return parse_safetensors(read_file(path), path.string());
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& file) {
  write_file(path, safetensors_bytes(file));
}

}  // namespace equibolt

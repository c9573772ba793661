#include "egnn/model_file.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "equibolt/error.h"
#include "io/safetensors.h"

namespace equibolt {
namespace {

using Json = nlohmann::json;

constexpr const char* version_key = "equibolt.model";
constexpr const char* version = "1";
constexpr const char* architecture_key = "equibolt.architecture";
constexpr std::string_view reserved = "equibolt.";
constexpr std::size_t width_limit = 1 << 20;  // keeps products of widths far from overflow

using ArraysByName = std::map<std::string, const Array*>;

void check_architecture(const Architecture& architecture, const std::string& origin) {
  const auto check_range = [&](const char* what, std::size_t value, std::size_t least) {
    if (value < least || value > width_limit) {
      throw DataError("{}: {} is {}, expected {} to {}", origin, what, value, least, width_limit);
    }
  };
  check_range("the number of particles", architecture.particles(), 2);
  check_range("dim", architecture.dim, 1);
  check_range("hidden", architecture.hidden, 1);
  check_range("layers", architecture.layers, 1);
  check_range("type_features", architecture.type_features, 0);
  const std::size_t kinds = std::max<std::size_t>(architecture.type_features, 1);
  for (std::size_t i = 0; i < architecture.particles(); ++i) {
    const int type = architecture.types[i];
    if (type < 0 || static_cast<std::size_t>(type) >= kinds) {
      throw DataError("{}: particle {} has type {}, expected 0 to {} for {} type features", origin, i, type,
                      kinds - 1, architecture.type_features);
    }
  }
}

std::vector<std::size_t> shape_of(const ParameterLayout::Array& array) {
  if (array.is_bias) return {array.rows};
  return {array.rows, array.columns};
}

/// The flat parameters. Every array of the layout has to be there in its shape, and nothing else.
std::vector<float> gather(const Architecture& architecture, const ArraysByName& arrays,
                          const std::string& origin) {
  // A file that claims more layers than it has arrays must not cost their memory.
  if (architecture.layers > arrays.size()) {
    throw DataError("{}: {} layers, but only {} weight arrays", origin, architecture.layers, arrays.size());
  }
  const ParameterLayout layout(architecture);
  std::vector<std::string> faults;
  std::set<std::string> known;
  for (const auto& wanted : layout.arrays()) {
    known.insert(wanted.name);
    const auto found = arrays.find(wanted.name);
    if (found == arrays.end()) {
      faults.push_back(fmt::format("'{}' {} is missing", wanted.name, shape_text(shape_of(wanted))));
    } else if (found->second->shape != shape_of(wanted)) {
      faults.push_back(fmt::format("'{}' has shape {}, expected {}", wanted.name,
                                   shape_text(found->second->shape), shape_text(shape_of(wanted))));
    }
  }
  for (const auto& [name, array] : arrays) {
    if (!known.contains(name)) faults.push_back(fmt::format("'{}' is unknown", name));
  }
  if (!faults.empty()) {
    constexpr std::size_t shown = 8;
    const std::size_t hidden = faults.size() - std::min(faults.size(), shown);
    if (hidden > 0) faults.resize(shown);
    throw DataError("{}: the weights do not fit {} layers of width {}: {}{}", origin, architecture.layers,
                    architecture.hidden, fmt::join(faults, "; "),
                    hidden > 0 ? fmt::format("; and {} more", hidden) : "");
  }

  std::vector<float> parameters(layout.size());
  for (const auto& wanted : layout.arrays()) {
    const std::vector<float> values = arrays.at(wanted.name)->as_float();
    const auto bad =
        std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
    if (bad != values.end()) {
      throw DataError("{}: '{}': element {} is not a finite float32", origin, wanted.name,
                      bad - values.begin());
    }
    std::copy(values.begin(), values.end(), parameters.begin() + static_cast<std::ptrdiff_t>(wanted.offset));
  }
  return parameters;
}

std::string architecture_text(const Architecture& architecture) {
  return Json{{"types", architecture.types},
              {"dim", architecture.dim},
              {"hidden", architecture.hidden},
              {"layers", architecture.layers},
              {"type_features", architecture.type_features}}
      .dump();
}

Architecture parse_architecture(const std::string& text, const std::string& origin) {
  const Json json = Json::parse(text, nullptr, false);
  const auto is_count = [](const Json& value) { return value.is_number_unsigned() && value <= width_limit; };
  const auto has_count = [&](const char* key) { return json.contains(key) && is_count(json[key]); };
  if (!json.is_object() || json.size() != 5 || !has_count("dim") || !has_count("hidden") ||
      !has_count("layers") || !has_count("type_features") || !json.contains("types") ||
      !json["types"].is_array() || !std::all_of(json["types"].begin(), json["types"].end(), is_count)) {
    throw DataError(
        "{}: {}: dim, hidden, layers, type_features (counts up to {}) and types (a list) expected, {} "
        "found",
        origin, architecture_key, width_limit, text);
  }
  return {json["types"], json["dim"], json["hidden"], json["layers"], json["type_features"]};
}

/// Removes and returns the metadata's entry.
std::string take(std::map<std::string, std::string>& metadata, const char* key, const std::string& origin) {
  const auto node = metadata.extract(key);
  if (node.empty()) throw DataError("{}: not a model: no '{}' in its metadata", origin, key);
  return node.mapped();
}

/// l of "gcl_{l}.…".
std::optional<std::size_t> layer_of(std::string_view name) {
  constexpr std::string_view prefix = "gcl_";
  std::size_t layer = 0;
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto [next, error] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
  if (error != std::errc() || next == name.data() + name.size() || *next != '.') return std::nullopt;
  return layer;
}

/// Width, layers and type features, from the arrays' names and shapes.
Architecture deduced_architecture(const ArraysByName& arrays, const std::string& origin) {
  const auto embedding = arrays.find("embedding.weight");
  if (embedding == arrays.end()) throw DataError("{}: no weights: 'embedding.weight' is missing", origin);
  const auto& shape = embedding->second->shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0) {
    throw DataError("{}: 'embedding.weight' has shape {}, expected (hidden, type features + 1)", origin,
                    shape_text(shape));
  }
  Architecture architecture;
  architecture.hidden = shape[0];
  architecture.type_features = shape[1] - 1;
  architecture.layers = 0;
  for (const auto& [name, array] : arrays) {
    const auto layer = layer_of(name);
    if (layer && *layer >= architecture.layers) architecture.layers = std::min(*layer, width_limit) + 1;
  }
  return architecture;
}

ParticleTypes types_from(const Npz& npz) {
  if (!npz.contains("types")) {
    throw DataError("{}: it does not say the particles' types (array 'types'); give them", npz.origin);
  }
  const Array& array = npz["types"];
  if (array.shape.size() != 1) {
    throw DataError("{}: shape (N,) expected, {} found", array.origin, shape_text(array.shape));
  }
  ParticleTypes types;
  for (const std::int64_t type : array.as_int64()) {
    types.push_back(
        static_cast<int>(std::clamp<std::int64_t>(type, -1, width_limit)));  // out of range stays so
  }
  return types;
}

std::size_t dim_from(const Npz& npz) {
  if (!npz.contains("dim")) {
    throw DataError("{}: it does not say the number of dimensions (scalar 'dim'); give it", npz.origin);
  }
  const Array& array = npz["dim"];
  if (array.size() != 1) {
    throw DataError("{}: a scalar expected, shape {} found", array.origin, shape_text(array.shape));
  }
  return static_cast<std::size_t>(std::max<std::int64_t>(array.as_int64()[0], 0));
}

}  // namespace

void write_model(const std::filesystem::path& path, const Model& model) {
  const ParameterLayout layout(model.architecture);
  assert(model.parameters.size() == layout.size());
  Safetensors file{{}, model.metadata};
  for (const auto& [key, text] : model.metadata) {
    if (key.starts_with(reserved))
      throw UsageError("{}: metadata key '{}' is the format's own", path.string(), key);
  }
  file.metadata[version_key] = std::string(version);
  file.metadata[architecture_key] = architecture_text(model.architecture);
  for (const auto& array : layout.arrays()) {
    const std::span<const float> values(model.parameters.data() + array.offset, array.size());
    const Array tensor = Array::of(values, shape_of(array));
    if (const auto bad = tensor.first_not_finite()) {
      throw NumericalError("{}: not written: element {} of '{}' is {}", path.string(), *bad, array.name,
                           values[*bad]);
    }
    file.tensors.emplace(array.name, tensor);
  }
  write_safetensors(path, file);
}

Model parse_model(std::span<const std::uint8_t> bytes, const std::string& origin) {
  Safetensors file = parse_safetensors(bytes, origin);
  const std::string found = take(file.metadata, version_key, origin);
  if (found != version) {
    throw DataError("{}: model format version '{}' found, {} expected", origin, found, version);
  }
  Model model;
  model.architecture = parse_architecture(take(file.metadata, architecture_key, origin), origin);
  check_architecture(model.architecture, origin);
  ArraysByName arrays;
  for (const auto& [name, tensor] : file.tensors) {
    if (tensor.dtype != DType::f4) throw DataError("{}: float32 expected, float64 found", tensor.origin);
    arrays[name] = &tensor;
  }
  model.parameters = gather(model.architecture, arrays, origin);
  model.metadata = std::move(file.metadata);
  return model;
}

Model read_model(const std::filesystem::path& path) {
  return parse_model(read_file(path), path.string());
}

Model import_npz(const Npz& npz, const ImportOptions& options) {
  constexpr std::string_view prefix = "weight.";
  ArraysByName arrays;
  for (const auto& [name, array] : npz.arrays) {
    if (name.starts_with(prefix)) arrays[name.substr(prefix.size())] = &array;
  }
  if (arrays.empty()) {
    const std::set<std::string> about = {"types", "dim", "hidden", "layers", "n_type_features"};
    for (const auto& [name, array] : npz.arrays) {
      if (!about.contains(name)) arrays[name] = &array;
    }
  }
  Model model;
  model.architecture = deduced_architecture(arrays, npz.origin);
  model.architecture.types = options.types ? *options.types : types_from(npz);
  model.architecture.dim = options.dim ? *options.dim : dim_from(npz);
  check_architecture(model.architecture, npz.origin);
  model.parameters = gather(model.architecture, arrays, npz.origin);
  return model;
}

Model import_npz(const std::filesystem::path& path, const ImportOptions& options) {
  return import_npz(read_npz(path), options);
}

}  // namespace equibolt

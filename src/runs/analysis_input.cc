#include "runs/analysis_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "equibolt/error.h"
#include "equibolt/samples.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "runs/biased_data.h"
#include "runs/energy_inputs.h"
#include "runs/format_version.h"
#include "runs/run_folder.h"
#include "runs/run_record.h"
#include "system/energy_files.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

bool there(const fs::path& path) {
  return fs::exists(path);
}

Npz read_arrays(const fs::path& path) {
  const Bytes bytes = read_file(path);
  if (bytes.size() >= 2 && bytes[0] == 'P' && bytes[1] == 'K') return parse_npz(bytes, path.string());
  Npz npz{{}, path.string()};
  npz.arrays["x"] = parse_npy(bytes, path.string());
  return npz;
}

/// The config of the system that `about`, the JSON of a Request, tells of. Nothing where
/// it is of another form. Throws UsageError where the molecule is in a file whose name it does not have.
std::optional<RunConfig> config_of_about(const std::string& about, const std::string& origin) {
  const Json json = Json::parse(about, nullptr, false);
  if (!json.is_object() || !json.contains("system.kind")) return std::nullopt;
  constexpr std::array files{"system.structure", "system.system", "system.parameters"};
  std::string toml = "[system]\n";
  for (const auto& [key, value] : json.items()) {
    if (!key.starts_with("system.") || !value.is_string()) continue;
    const auto text = value.get<std::string>();
    // Of files there is a hash, or, from earlier versions, the name as TOML.
    const bool is_file = std::ranges::find(files, key) != files.end();
    if (!is_file || text.starts_with('"')) toml += fmt::format("{} = {}\n", key.substr(7), text);
  }
  RunConfig config = parse_config(toml, fmt::format("{}: 'about'", origin));
  if (molecule_options_of(config.system) == nullptr) return config;
  const std::string structure = files[0];
  const Json recorded = json.value("content of " + structure, json.value(structure, Json()));
  if (recorded.is_string() && recorded.get<std::string>().starts_with('"')) return config;
  for (const FileHash& file : files_of(config.system)) {
    if (file.key == structure && recorded != Json(fmt::format("{:016x}", file.hash))) {
      throw UsageError(
          "{}: its molecule's structure is a file whose name is not recorded; name the config or the run's "
          "folder with --config",
          origin);
    }
  }
  return config;
}

/// The config that is named; of files of a run, the run's; else what the file says of itself.
std::optional<RunConfig> config_for(const fs::path& file, const Npz& npz, const std::string& named) {
  if (!named.empty()) {
    return fs::is_directory(named) ? config_of_run(RunFolder{named}) : load_config(named);
  }
  const fs::path folder = fs::absolute(file).parent_path();
  for (const fs::path& run : {folder, folder.filename() == "data" ? folder.parent_path() : folder}) {
    if (kind_of(run) == FolderKind::run) return config_of_run(RunFolder{run});
  }
  if (npz.contains("about")) return config_of_about(npz["about"].as_text(), npz.origin);
  return std::nullopt;
}

ObservedSystem system_for(const std::optional<RunConfig>& config, const Array& x) {
  if (config) return observed_system(config->system);
  if (x.shape.size() != 3) {
    throw UsageError(
        "{}: its shape {} does not say what the particles are; name the config of the system with --config",
        x.origin, shape_text(x.shape));
  }
  if (x.shape[1] < 2 || x.shape[2] < 1) {
    throw DataError("{}: shape (B, N, D) with N ≥ 2 expected, {} found", x.origin, shape_text(x.shape));
  }
  return unnamed_system(x.shape[1], x.shape[2]);
}

/// (B,) of an array of a file of B configurations.
std::vector<double> column(const Npz& npz, const char* name, std::size_t count) {
  const Array& array = npz[name];
  if (array.shape != std::vector{count}) {
    throw DataError("{}: {} has shape {}, expected ({},) as x", npz.origin, name, shape_text(array.shape),
                    count);
  }
  return array.as_double();
}

/// Lengths of the runs of equal numbers.
std::vector<std::size_t> lengths_of(const std::vector<double>& chain) {
  std::vector<std::size_t> lengths;
  for (std::size_t b = 0; b < chain.size(); ++b) {
    if (b == 0 || chain[b] != chain[b - 1]) lengths.push_back(0);
    ++lengths.back();
  }
  return lengths;
}

/// Whether the energy array of a file is one of numbers (that of a surrogate is text).
bool has_energies(const Npz& npz) {
  return npz.contains("energy") && npz["energy"].dtype != DType::u1;
}

/// Puts atoms in the structure's order, and looks what each configuration is.
void identify(AnalysisInput& input, MirrorImages images) {
  if (!input.system.molecule) return;
  input.identities.resize(input.x.count());
  relabel(input.x.view(), *input.system.molecule, images, input.identities);
}

AnalysisInput of_samples(const std::string& path, const Npz& npz, const std::string& config) {
  if (npz.contains("format_version")) require_version(npz["format_version"], kSamplesVersion, npz.origin);
  AnalysisInput input{.path = path, .kind = "samples", .config = config_for(npz.origin, npz, config)};
  const Array& x = npz["x"];
  input.system = system_for(input.config, x);
  const std::size_t n = input.system.particles, d = input.system.dim;
  if (x.shape != std::vector{x.shape.empty() ? 0 : x.shape[0], n, d} || x.shape[0] == 0) {
    throw DataError("{}: shape (B, {}, {}) expected, {} found", x.origin, n, d, shape_text(x.shape));
  }
  const std::size_t count = x.shape[0];
  input.x = Configurations<double>(count, n, d);
  std::ranges::copy(x.as_double(), input.x.data());
  const std::vector<double> log_weight = column(npz, "log_weight", count);
  if (has_energies(npz)) input.energy = column(npz, "energy", count);
  input.usable.resize(count);
  for (std::size_t b = 0; b < count; ++b)
    input.usable[b] = std::ranges::all_of(input.x[b], [](double value) { return std::isfinite(value); });
  const auto failed = static_cast<std::size_t>(std::ranges::count(log_weight, -INFINITY));
  if (failed == count) {
    throw NumericalError("{}: all of the {} samples failed and have weight zero; the network is not usable",
                         npz.origin, count);
  }
  SampleSet plain = without(independent_set(count), input.usable);
  input.sets.push_back({"flow", std::move(plain), failed, std::nullopt, std::nullopt});
  input.sets.push_back({"reweighted", weighted_set(log_weight), failed,
                        kish_fraction(log_weight, Bootstrap{}), pareto_k(log_weight)});
  return input;
}

/// Files of one kind of configurations, joined.
AnalysisInput of_data(const std::string& path, const std::vector<fs::path>& files,
                      const std::optional<RunConfig>& config, Reporter& reporter) {
  AnalysisInput input{.path = path, .kind = "data", .config = config};
  std::vector<std::size_t> lengths;
  std::vector<double> coordinates, bias;
  for (const fs::path& file : files) {
    const Npz npz = read_arrays(file);
    if (coordinates.empty()) input.system = system_for(config, npz["x"]);
    const auto x = read_configurations(file, input.system.particles, input.system.dim,
                                       [&](const std::string& text) { reporter.warn(text); });
    coordinates.insert(coordinates.end(), x.values().begin(), x.values().end());
    const auto chains =
        npz.contains("chain") ? lengths_of(column(npz, "chain", x.count())) : std::vector{x.count()};
    lengths.insert(lengths.end(), chains.begin(), chains.end());
    const std::vector<double> of_file = bias_of_data(file).energy;
    bias.insert(bias.end(), of_file.begin(), of_file.end());
    if (has_energies(npz)) {
      const std::vector<double> energy = column(npz, "energy", x.count());
      input.energy.insert(input.energy.end(), energy.begin(), energy.end());
    }
  }
  const std::size_t count = coordinates.size() / (input.system.particles * input.system.dim);
  input.x = Configurations<double>(count, input.system.particles, input.system.dim);
  std::ranges::copy(coordinates, input.x.data());
  if (input.energy.size() != count) input.energy.clear();
  input.usable.assign(count, true);
  if (bias.size() == count) {
    input.sets.push_back({"data", weighted_chain_set(std::move(lengths), bias), 0,
                          kish_fraction(bias, Bootstrap{}), std::nullopt});
  } else {
    input.sets.push_back({"data", chain_set(std::move(lengths)), 0, std::nullopt, std::nullopt});
  }
  return input;
}

std::vector<AnalysisInput> of_run(const std::string& path, Reporter& reporter) {
  const RunFolder folder{path};
  const RunConfig config = config_of_run(folder);
  std::vector<AnalysisInput> inputs;
  if (there(folder.samples())) {
    AnalysisInput samples = of_samples(path, read_npz(folder.samples()), path);
    inputs.push_back(std::move(samples));
  }
  std::vector<fs::path> files;
  if (config.data.train.empty()) {
    for (const fs::path& file : {folder.train_data(), folder.validation_data(), folder.test_data()}) {
      if (there(file)) files.push_back(file);
    }
  } else {
    for (const std::string& file : {config.data.test, config.data.train}) {
      if (files.empty() && !file.empty() && there(file)) files.emplace_back(file);
    }
  }
  if (!files.empty()) inputs.push_back(of_data(path, files, config, reporter));
  if (inputs.empty())
    throw UsageError("{}: the run has neither samples nor data yet: 'equibolt run' makes them", path);
  return inputs;
}

AnalysisInput of_umbrella(const std::string& path) {
  const fs::path result = fs::path(path) / "umbrella.json";
  if (!there(result)) {
    throw UsageError("{}: the umbrella sampling is not finished: there is no umbrella.json", path);
  }
  AnalysisInput input{.path = path,
                      .kind = "umbrella sampling",
                      .config = load_config((fs::path(path) / "config.toml").string())};
  input.system = observed_system(input.config->system);
  input.umbrella = read_json(result);
  return input;
}

}  // namespace

std::vector<AnalysisInput> read_analysis_inputs(const std::string& path, const std::string& config,
                                                MirrorImages images, Reporter& reporter) {
  std::vector<AnalysisInput> inputs;
  if (!there(path)) throw IoError("{}: there is no such file or folder", path);
  if (fs::is_directory(path)) {
    const FolderKind kind = kind_of(path);
    if (kind == FolderKind::umbrella) {
      inputs.push_back(of_umbrella(path));
    } else if (kind == FolderKind::run) {
      inputs = of_run(path, reporter);
    } else {
      throw UsageError("{}: expected the folder of a run or of umbrella sampling", path);
    }
  } else {
    const Npz npz = read_arrays(path);
    if (npz.contains("log_weight")) {
      inputs.push_back(of_samples(path, npz, config));
    } else {
      inputs.push_back(of_data(path, {path}, config_for(path, npz, config), reporter));
    }
  }
  for (AnalysisInput& input : inputs) identify(input, images);
  return inputs;
}

}  // namespace equibolt

#include "runs/session.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "egnn/make_vector_field.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "runs/energy_inputs.h"
#include "runs/run_folder.h"

namespace equibolt {

namespace {

/// The config with a program's own energy in it, if it is one of such.
RunConfig with_energy(RunConfig config, const std::string& origin, std::shared_ptr<const Energy> own) {
  const auto* there = std::get_if<OwnEnergy>(&config.system.kind);
  if (!own) return config;
  if (there == nullptr)
    throw UsageError("{}: is of a built-in system, not of a program's own energy", origin);
  const SystemSpec system = own_system(std::move(own));
  const std::string& check = std::get<OwnEnergy>(system.kind).check;
  if (system.particles != config.system.particles || system.dim != config.system.dim ||
      check != there->check) {
    throw UsageError(
        "{}: is of an energy of {} particles in {} dimensions with the check '{}'; this one has {} in {} "
        "and '{}'",
        origin, config.system.particles, config.system.dim, there->check, system.particles, system.dim,
        check);
  }
  config.system = system;
  return config;
}

}  // namespace

Session Session::open(const std::string& run_or_model, const std::vector<std::string>& overrides,
                      std::shared_ptr<const Energy> own) {
  for (const std::string& text : overrides) {
    const bool harmless = text.starts_with("flow.") || text.starts_with("evaluate.") ||
                          text.starts_with("threads=") || text.starts_with("device=") ||
                          text.starts_with("seed=") || text.starts_with("checkpoint_seconds=") ||
                          // A file that has moved: its content is compared.
                          text.starts_with("system.structure=") || text.starts_with("system.system=") ||
                          text.starts_with("system.parameters=");
    if (!harmless) {
      throw UsageError(
          "--set {}: a trained model's system and training are fixed; expected a key of flow or "
          "evaluate, threads, device, seed or checkpoint_seconds",
          text);
    }
  }
  std::filesystem::path path = run_or_model;
  if (std::filesystem::is_directory(path)) {
    const RunFolder folder{path};
    if (!std::filesystem::exists(folder.model())) {
      throw IoError("{}: there is no model.safetensors; has the run been trained?", run_or_model);
    }
    RunConfig config = config_of_run(folder, overrides);
    return {with_energy(std::move(config), run_or_model, std::move(own)), read_model(folder.model())};
  }
  Model model = read_model(path);
  const auto config = model.metadata.find("config");
  if (config == model.metadata.end()) {
    throw DataError(
        "{}: the model does not say which system it is for; only models that 'equibolt run' wrote do",
        path.string());
  }
  RunConfig parsed = parse_config(config->second, path.string() + " (its config)", overrides);
  const auto files = model.metadata.find("files");
  if (files != model.metadata.end() && !own) require_same_files(parsed.system, files->second, path.string());
  return {with_energy(std::move(parsed), run_or_model, std::move(own)), std::move(model)};
}

Session::Session(RunConfig config, Model model)
    : config_(std::move(config)),
      model_(std::move(model)),
      pool_(std::make_unique<ThreadPool>(config_.threads)),
      energy_(make_energy(config_.system)) {
  const Architecture expected = architecture_of(config_, *energy_);
  if (!(expected == model_.architecture)) {
    throw DataError(
        "the model is for {} particles in {} dimensions with {} layers of width {}, its config for {} in {} "
        "with "
        "{} of {}",
        model_.architecture.particles(), model_.architecture.dim, model_.architecture.layers,
        model_.architecture.hidden, expected.particles(), expected.dim, expected.layers, expected.hidden);
  }
  const WantedGradients gradients =
      config_.flow.divergence_probes > 0 ? WantedGradients(PrecisionChoice::fp32) : no_gradients;
  field_ = make_vector_field(config_.device, model_.architecture, model_.parameters, *pool_, gradients);
  dynamics_ = std::make_unique<NetworkDynamics>(*field_, config_.flow.divergence_probes);
}

std::optional<Estimate> Session::log_z() const {
  const auto number = [&](const char* key) -> std::optional<double> {
    const auto text = model_.metadata.find(key);
    if (text == model_.metadata.end()) return std::nullopt;
    const char* end = text->second.data() + text->second.size();
    double value = 0;
    const auto [stop, error] = std::from_chars(text->second.data(), end, value);
    if (error == std::errc() && stop == end && !std::isnan(value)) return value;
    throw DataError("the model's metadata: {} is '{}', expected a number", key, text->second);
  };
  const auto value = number("log_z"), error = number("log_z_error");
  if (!value || !error) return std::nullopt;
  if (!std::isfinite(*value)) throw DataError("the model's metadata: log_z is {}, expected a number", *value);
  return Estimate{*value, *error};
}

Architecture architecture_of(const RunConfig& config, const Energy& energy) {
  const ParticleTypes& types = energy.types();
  const int types_used = *std::max_element(types.begin(), types.end()) + 1;
  return {.types = types,
          .dim = energy.dim(),
          .hidden = config.network.hidden,
          .layers = config.network.layers,
          .type_features = types_used > 1 ? static_cast<std::size_t>(types_used) : 0};
}

}  // namespace equibolt

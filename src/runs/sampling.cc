#include "runs/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyze/likelihood.h"
#include "core/geometry.h"
#include "equibolt/error.h"
#include "flow/flow.h"
#include "io/npz.h"
#include "runs/format_version.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

constexpr std::size_t kBlock = 1024;  // bounds the memory of the integrator's stages

SampleStatus status_of(IntegrationStatus path, EnergyStatus energy) {
  switch (path) {
    case IntegrationStatus::not_finite:
      return SampleStatus::path_not_finite;
    case IntegrationStatus::too_many_steps:
      return SampleStatus::path_too_long;
    case IntegrationStatus::ok:
      break;
  }
  switch (energy) {
    case EnergyStatus::not_finite:
      return SampleStatus::energy_not_finite;
    case EnergyStatus::failed:
      return SampleStatus::energy_failed;
    case EnergyStatus::ok:
      break;
  }
  return SampleStatus::ok;
}

/// Runs `flow(first, count)` block by block and joins what it gives with energies and weights.
template <typename Flow>
WeightedSamples weigh(Session& session, std::size_t count, const Flow& flow) {
  WeightedSamples all;
  all.x = Configurations<double>(count, session.particles(), session.dim());
  all.energy.resize(count);
  ParallelEnergy energy(session.energy(), session.pool());
  std::vector<EnergyStatus> energy_status(kBlock);
  const double normalisation = prior_log_normalisation(session.particles(), session.dim());
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    const FlowSamples block = flow(first, size);
    const auto x1 = all.x.view().slice(first, size);
    std::copy(block.x1.values().begin(), block.x1.values().end(), x1.data());
    energy.evaluate(x1, std::span(all.energy).subspan(first, size), {}, std::span(energy_status).first(size));
    for (std::size_t b = 0; b < size; ++b) {
      const SampleStatus status = status_of(block.paths.status[b], energy_status[b]);
      const double log_weight = -all.energy[first + b] - block.log_density[b];
      all.status.push_back(status);
      all.log_density.push_back(block.log_density[b] - normalisation);
      all.log_weight.push_back(status == SampleStatus::ok ? log_weight
                                                          : -std::numeric_limits<double>::infinity());
      all.arc_length.push_back(block.paths.arc_length[b]);
      all.displacement.push_back(block.paths.displacement[b]);
      all.evaluations.push_back(block.paths.evaluations[b]);
      all.divergences.push_back(block.paths.divergences[b]);
    }
  }
  return all;
}

}  // namespace

std::size_t WeightedSamples::failed() const {
  return static_cast<std::size_t>(
      std::count_if(status.begin(), status.end(), [](SampleStatus s) { return s != SampleStatus::ok; }));
}

WeightedSamples draw_samples(Session& session, std::uint64_t seed, std::size_t first, std::size_t count) {
  const auto flow = [&](std::size_t block_first, std::size_t size) {
    return sample_flow(session.dynamics(), session.config().flow, seed, first + block_first, size,
                       session.particles(), session.dim());
  };
  return weigh(session, count, flow);
}

WeightedSamples weigh_configurations(Session& session, ConfigurationsView<const double> x) {
  Configurations<double> centred = converted<double>(x);
  remove_mean(centred.view());
  const auto flow = [&](std::size_t first, std::size_t size) {
    return flow_density(session.dynamics(), session.config().flow, centred.view().slice(first, size));
  };
  return weigh(session, x.count(), flow);
}

void append(WeightedSamples& samples, const WeightedSamples& more) {
  const std::size_t before = samples.x.count();
  Configurations<double> x(before + more.x.count(), more.x.particles(), more.x.dim());
  std::copy(samples.x.values().begin(), samples.x.values().end(), x.data());
  std::copy(more.x.values().begin(), more.x.values().end(), x.data() + samples.x.size());
  samples.x = std::move(x);
  const auto join = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  join(samples.log_density, more.log_density);
  join(samples.energy, more.energy);
  join(samples.log_weight, more.log_weight);
  join(samples.arc_length, more.arc_length);
  join(samples.displacement, more.displacement);
  join(samples.evaluations, more.evaluations);
  join(samples.divergences, more.divergences);
  join(samples.status, more.status);
}

void write_samples(const std::filesystem::path& path, const WeightedSamples& samples,
                   const std::string& about) {
  Npz npz;
  npz.arrays["x"] = Array::of(converted<float>(samples.x.view()).view());
  npz.arrays["log_density"] = Array::of(samples.log_density);
  npz.arrays["energy"] = Array::of(samples.energy);
  npz.arrays["log_weight"] = Array::of(samples.log_weight);
  npz.arrays["path_length"] = Array::of(samples.arc_length);
  npz.arrays["path_displacement"] = Array::of(samples.displacement);
  npz.arrays["evaluations"] =
      Array::of(std::vector<std::int64_t>(samples.evaluations.begin(), samples.evaluations.end()));
  npz.arrays["divergences"] =
      Array::of(std::vector<std::int64_t>(samples.divergences.begin(), samples.divergences.end()));
  npz.arrays["about"] = Array::text(about);
  std::vector<std::uint8_t> status;
  for (const SampleStatus s : samples.status) status.push_back(static_cast<std::uint8_t>(s));
  npz.arrays["status"] = Array::of(status);
  npz.arrays["format_version"] = Array::scalar(kSamplesVersion);
  write_npz(path, npz);
}

WeightedSamples read_samples(const std::filesystem::path& path) {
  const Npz npz = read_npz(path);
  require_version(npz["format_version"], kSamplesVersion, path.string());
  WeightedSamples samples;
  const Array& x = npz["x"];
  if (x.shape.size() != 3) {
    throw DataError("{}: x has shape {}, expected (B, N, D)", path.string(), shape_text(x.shape));
  }
  samples.x = Configurations<double>(x.shape[0], x.shape[1], x.shape[2]);
  const std::vector<double> coordinates = x.as_double();
  std::copy(coordinates.begin(), coordinates.end(), samples.x.data());
  const auto column = [&](const char* name) -> const Array& {
    const Array& array = npz[name];
    if (array.shape == std::vector{x.shape[0]}) return array;
    throw DataError("{}: {} has shape {}, expected ({},) as x", path.string(), name, shape_text(array.shape),
                    x.shape[0]);
  };
  const auto counts = [&](const char* name) {
    const std::vector<std::int64_t> numbers = column(name).as_int64();
    return std::vector<std::size_t>(numbers.begin(), numbers.end());
  };
  samples.log_density = column("log_density").as_double();
  samples.energy = column("energy").as_double();
  samples.log_weight = column("log_weight").as_double();
  samples.arc_length = column("path_length").as_double();
  samples.displacement = column("path_displacement").as_double();
  samples.evaluations = counts("evaluations");
  samples.divergences = counts("divergences");
  for (const std::size_t code : counts("status")) samples.status.push_back(static_cast<SampleStatus>(code));
  return samples;
}

}  // namespace equibolt

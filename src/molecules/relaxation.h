#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "molecules/output_plan.h"
#include "runs/reporter.h"
#include "system/molecule_options.h"

namespace equibolt {

/// Which frames are relaxed, under the energy of a config, into which file.
struct RelaxationTask {
  std::filesystem::path frames;  ///< .npz or .npy of configurations
  std::filesystem::path output;  ///< .npz; docs/file-formats.md
  std::size_t count = 0;         ///< trajectories in all
};

/// What relax_frames would do. Writes nothing; throws as it does.
OutputPlan plan_relaxation(const RunConfig& config, const RelaxationTask& task);

/// Short Langevin trajectories under the config's energy from frames that another energy gave, drawn with
/// replacement. The output grows: what is there of the same request is kept and added to, also for a larger
/// count; where nothing is missing, no file is touched. Returns how many relaxed configurations it holds.
/// Throws UsageError where it is of another request or another process works on it, DataError where a frame
/// is not one of the molecule, IoError, and Stopped.
std::size_t relax_frames(const RunConfig& config, const RelaxationTask& task,
                         const std::function<bool()>& stop, Reporter& reporter);

/// Weights of frames for drawing, by a text "NAME a mu kappa": a · f(φ) + 1 with f the von Mises density of
/// the dihedral NAME (paper, eq. 30: "phi 150 1 10"); all 1 where it is empty. Throws UsageError.
std::vector<double> frame_weights(const std::string& bias, const Molecule& molecule,
                                  std::span<const NamedDihedral> dihedrals,
                                  ConfigurationsView<const double> frames);

}  // namespace equibolt

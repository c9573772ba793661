#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "train/trainer.h"

namespace equibolt {

/// A training as it lies on disk.
struct Checkpoint {
  TrainState state;
  std::uint64_t fingerprint = 0;    ///< of the data and of what else the training must not change under way
  std::uint64_t metrics_bytes = 0;  ///< length of the metrics file when the checkpoint was written
  std::string backend;              ///< VectorField::backend() of the training
};

/// Writes folder/step-<step>.npz, whole or not at all, and removes all but the newest two.
void write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// Reads the newest checkpoint of the folder that is sound (each array carries a checksum); for each newer
/// one that is not, `warn` is told why. Nothing where there is none; DataError where all are damaged.
std::optional<Checkpoint> read_newest_checkpoint(const std::filesystem::path& folder,
                                                 const std::function<void(const std::string&)>& warn);

}  // namespace equibolt

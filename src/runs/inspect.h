#pragma once

#include <filesystem>
#include <string>

namespace equibolt {

/// What a file or folder of ours holds, as text for people: a run's folder, a model, samples, checkpoints and
/// other .npz, .npy, a config, JSON. Reads it whole, so it is also a check that it is sound. Throws IoError,
/// or DataError where it is damaged or of no kind that is known.
std::string inspect(const std::filesystem::path& path);

}  // namespace equibolt

#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace equibolt {

/// Where files of a kind, "models" or "surrogates", that come with the program may lie, most important first:
/// share/equibolt/KIND beside the bin/ that the program runs from, and KIND/ of the source tree that it was
/// built in.
std::vector<std::filesystem::path> shipped_folders(const std::string& kind);

/// Where networks that come with the program may lie, most important first: the folder that the environment
/// variable EQUIBOLT_MODELS names, if it is set, and no other; else shipped_folders("models").
std::vector<std::filesystem::path> model_folders();

/// The path that the user means by `name`: a run's folder or a model file where there is one; else, for a
/// name without a slash, NAME.safetensors of the first of `folders` that has it. Throws IoError that lists
/// the names that there are.
std::filesystem::path run_or_model_path(const std::string& name,
                                        const std::vector<std::filesystem::path>& folders = model_folders());

/// The file of a surrogate: `name` is a path, or for a name without a slash and ending NAME.npz of the first
/// of `folders` that has it. Throws UsageError that lists the names that there are.
std::filesystem::path surrogate_path(
    const std::string& name,
    const std::vector<std::filesystem::path>& folders = shipped_folders("surrogates"));

}  // namespace equibolt

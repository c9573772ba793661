#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "egnn/architecture.h"
#include "io/npz.h"

namespace equibolt {

/// A network on disk: a safetensors file with one F32 tensor for each array of ParameterLayout, and in its
/// metadata "equibolt.model" (the version of this format, 1) and "equibolt.architecture" (JSON).
struct Model {
  Architecture architecture;
  std::vector<float> parameters;  ///< in the order of ParameterLayout
  /// Whatever else is to be kept: the system, the prior, provenance. No key begins with "equibolt.".
  std::map<std::string, std::string> metadata;
};

/// Throws IoError, or NumericalError for a parameter that is not finite, and then leaves the old file alone.
void write_model(const std::filesystem::path& path, const Model& model);

/// Throws IoError or DataError; the latter names the arrays that are missing, unknown, misshapen or not
/// finite.
Model read_model(const std::filesystem::path& path);
Model parse_model(std::span<const std::uint8_t> bytes, const std::string& origin);

/// What an .npz of weights may not say itself. What is given here wins.
struct ImportOptions {
  std::optional<ParticleTypes> types;  ///< else the array "types" (N,)
  std::optional<std::size_t> dim;      ///< else the scalar "dim"
};

/// A model from the authors' weights: arrays under the names of ParameterLayout, or all of them with
/// "weight." in front, in which case arrays without it are other data and ignored. Width, layers and type
/// features follow from the shapes. Throws as read_model.
Model import_npz(const Npz& npz, const ImportOptions& options = {});
Model import_npz(const std::filesystem::path& path, const ImportOptions& options = {});

}  // namespace equibolt

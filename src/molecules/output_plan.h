#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace equibolt {

/// What a call would do with an output that it adds to, found by looking alone. What must not be done is
/// refused by an exception instead.
struct OutputPlan {
  std::filesystem::path output;
  std::string unit;             ///< what is counted: "trajectories"
  std::size_t done = 0;         ///< how many of them the output holds
  std::size_t wanted = 0;       ///< how many are asked for
  bool begun = false;           ///< there is something to resume from
  bool nothing_to_do = false;   ///< the output is there, and complete
  std::filesystem::path moved;  ///< what would go to previous/; may be empty
};

/// "relaxed.npz: resumes from 30 of 60 trajectories", or that it is new, or done; what is moved in a line of
/// its own.
std::string text_of(const OutputPlan& plan);

/// Throws IoError where no file can be written at the path: its folder is missing, or something else than a
/// file has the name.
void require_place_for(const std::filesystem::path& file);

}  // namespace equibolt

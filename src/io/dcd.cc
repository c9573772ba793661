#include "io/dcd.h"

#include <cstdint>
#include <cstring>
#include <vector>

namespace equibolt {

Bytes dcd_bytes(ConfigurationsView<const float> x) {
  Bytes bytes;
  // Fortran's unformatted records: the length, the content, the length again.
  const auto record = [&bytes](const void* data, std::size_t size) {
    const auto length = static_cast<std::int32_t>(size);
    const auto* content = static_cast<const std::uint8_t*>(data);
    const auto* ends = reinterpret_cast<const std::uint8_t*>(&length);
    bytes.insert(bytes.end(), ends, ends + sizeof length);
    bytes.insert(bytes.end(), content, content + size);
    bytes.insert(bytes.end(), ends, ends + sizeof length);
  };
  std::vector<std::uint8_t> header(84, 0);
  const auto put = [&header](std::size_t slot, auto value) { std::memcpy(&header[4 * slot], &value, 4); };
  std::memcpy(header.data(), "CORD", 4);
  put(1, static_cast<std::int32_t>(x.count()));
  put(2, std::int32_t{1});  // first step
  put(3, std::int32_t{1});  // steps between frames
  put(4, static_cast<std::int32_t>(x.count()));
  put(10, 1.0F);              // the time step, which samples have none of
  put(20, std::int32_t{24});  // CHARMM's version: its format
  record(header.data(), header.size());
  std::vector<std::uint8_t> title(84, ' ');
  const std::int32_t titles = 1;
  std::memcpy(title.data(), &titles, 4);
  std::memcpy(&title[4], "equibolt", 8);
  record(title.data(), title.size());
  const auto atoms = static_cast<std::int32_t>(x.particles());
  record(&atoms, sizeof atoms);
  std::vector<float> coordinate(x.particles());
  for (std::size_t b = 0; b < x.count(); ++b) {
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t i = 0; i < x.particles(); ++i) coordinate[i] = x[b][3 * i + k];
      record(coordinate.data(), coordinate.size() * sizeof(float));
    }
  }
  return bytes;
}

}  // namespace equibolt

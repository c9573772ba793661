#include "io/structure_file.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include <string>
#include <vector>

#include "equibolt/error.h"
#include "io/gzip.h"
#include "io/test_files.h"

namespace equibolt {
namespace {

using ::testing::HasSubstr;
using StructureFile = TestFolder;

constexpr const char* kPdb =
    "ATOM      1  N   ALA A   2       0.013   1.096   0.356  1.00  0.00           N  \n";
constexpr const char* kXyz = "1\n\nN 0.013 1.096 0.356\n";
constexpr const char* kCif =
    "data_x\nloop_\n_atom_site.label_atom_id\n_atom_site.type_symbol\n_atom_site.Cartn_x\n_atom_site.Cartn_"
    "y\n"
    "_atom_site.Cartn_z\nN N 0.013 1.096 0.356\n";

/// Compressed as gzip does.
Bytes gzipped(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes bytes(deflateBound(&stream, static_cast<uLong>(text.size())) + 64);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes.data();
  stream.avail_out = static_cast<uInt>(bytes.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

TEST_F(StructureFile, TheEndingSaysTheFormat) {
  for (const auto& [name, text] : {std::pair{"s.pdb", kPdb},
                                   {"S.PDB", kPdb},
                                   {"s.ent", kPdb},
                                   {"s.cif", kCif},
                                   {"s.mmCIF", kCif},
                                   {"s.xyz", kXyz},
                                   {"s.XYZ", kXyz},
                                   {"s.extxyz", kXyz}}) {
    write_file(file(name), std::string_view(text));
    write_file(file(std::string(name) + ".gz"), gzipped(text));
    for (const std::string& path : {std::string(name), std::string(name) + ".gz"}) {
      const Molecule molecule = read_structure(file(path));
      EXPECT_EQ(molecule.elements(), std::vector<int>{7}) << path;
      EXPECT_EQ(molecule.positions, (std::vector<double>{0.013, 1.096, 0.356})) << path;
    }
  }
  for (const char* name : {"s", "s.dcd", "s.gz", "s.gro", "s.pdb.zip"}) {
    write_file(file(name), std::string_view(kPdb));
    EXPECT_THAT(message_of<UsageError>([&] { (void)read_structure(file(name)); }), HasSubstr(".cif")) << name;
  }
  EXPECT_THROW((void)read_structure(file("absent.pdb")), IoError);
}

TEST_F(StructureFile, TrajectoriesAreWrittenByTheEnding) {
  const Molecule molecule = [&] {
    write_file(file("s.xyz"), std::string_view(kXyz));
    return read_structure(file("s.xyz"));
  }();
  const Configurations<float> x(3, 1, 3);
  for (const char* name : {"t.pdb", "t.XYZ", "t.dcd"}) {
    write_trajectory(file(name), molecule, x.view());
    EXPECT_FALSE(read_file(file(name)).empty()) << name;
  }
  EXPECT_THROW(write_trajectory(file("t.ent"), molecule, x.view()), UsageError);
  EXPECT_THROW(write_trajectory(file("t.xyz"), molecule, Configurations<float>(1, 2, 3).view()), DataError);
}

TEST_F(StructureFile, DamagedOrHugeCompressedFilesAreRefused) {
  const std::string text(300000, 'x');
  Bytes bytes = gzipped(text);
  EXPECT_EQ(gunzipped(bytes, "f"), text);
  Bytes twice = bytes;
  twice.insert(twice.end(), bytes.begin(), bytes.end());
  EXPECT_EQ(gunzipped(twice, "f"), text + text);
  for (std::size_t length = 2; length < bytes.size(); ++length) {
    const std::span part(bytes.data(), length);
    EXPECT_THAT(message_of<DataError>([&] { (void)gunzipped(part, "f"); }), HasSubstr("f: damaged gzip file"))
        << length;
  }
  bytes[bytes.size() - 6] ^= 1;  // of the checksum
  EXPECT_THROW((void)gunzipped(bytes, "f"), DataError);
  const Bytes bomb = gzipped(std::string(std::size_t{120} << 20, 'x'));
  EXPECT_THAT(message_of<DataError>([&] { (void)gunzipped(bomb, "f"); }), HasSubstr("expands to more than"));
}

}  // namespace
}  // namespace equibolt

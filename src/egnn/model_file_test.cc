#include "egnn/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/random.h"
#include "equibolt/error.h"
#include "io/safetensors.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path golden = fs::path(EQUIBOLT_SOURCE_DIR) / "tests/golden";

Model random_model() {
  Model model;
  model.architecture = {{0, 1, 1, 2}, 2, 5, 2, 3};
  model.parameters.resize(ParameterLayout(model.architecture).size());
  Random random(1, Stream::test);
  random.fill_normal(std::span(model.parameters));
  model.metadata = {{"system", "double well\nof \"four\""}, {"made_by", "a test"}};
  return model;
}

class ModelFile : public ::testing::Test {
 protected:
  ~ModelFile() override { fs::remove(path_); }

  /// The message with which the model of `random_model` is refused once its file has been changed.
  std::string refused_after(const std::function<void(Safetensors&)>& change) {
    write_model(path_, random_model());
    Safetensors file = read_safetensors(path_);
    change(file);
    write_safetensors(path_, file);
    try {
      read_model(path_);
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path_.string()));
      return error.what();
    }
    ADD_FAILURE() << "not refused";
    return "";
  }

  fs::path path_ = fs::temp_directory_path() / fmt::format("equibolt_model_{}.safetensors", ::getpid());
};

TEST_F(ModelFile, RoundTripKeepsEveryBit) {
  const Model model = random_model();
  write_model(path_, model);
  const Model read = read_model(path_);
  EXPECT_EQ(read.architecture, model.architecture);
  EXPECT_EQ(read.parameters, model.parameters);
  EXPECT_EQ(read.metadata, model.metadata);
}

TEST_F(ModelFile, FaultsAreNamed) {
  const auto w = std::string("gcl_1.att_mlp.0.weight");
  EXPECT_THAT(refused_after([&](Safetensors& file) { file.tensors.erase(w); }),
              AllOf(HasSubstr(w), HasSubstr("(1, 5) is missing")));
  EXPECT_THAT(refused_after([&](Safetensors& file) {
                file.tensors[w].shape = {5, 1};
              }),
              AllOf(HasSubstr(w), HasSubstr("(5, 1), expected (1, 5)")));
  EXPECT_THAT(refused_after([&](Safetensors& file) { file.tensors["gcl_2.w"] = file.tensors[w]; }),
              HasSubstr("'gcl_2.w' is unknown"));
  EXPECT_THAT(refused_after([&](Safetensors& file) {
                file.tensors[w] = Array::of(std::span<const double>(std::vector<double>(5)), {1, 5});
              }),
              HasSubstr("float64"));
  EXPECT_THAT(refused_after([&](Safetensors& file) { file.tensors.clear(); }), HasSubstr("0 weight arrays"));
  EXPECT_THAT(refused_after([](Safetensors& file) { file.metadata["equibolt.model"] = "2"; }),
              HasSubstr("version '2' found, 1 expected"));
  EXPECT_THAT(refused_after([](Safetensors& file) { file.metadata.clear(); }), HasSubstr("not a model"));
}

TEST_F(ModelFile, ArchitecturesAreReadStrictly) {
  const auto refused = [&](const std::string& text) {
    return refused_after([&](Safetensors& file) { file.metadata["equibolt.architecture"] = text; });
  };
  EXPECT_THAT(refused(R"({"dim":2,"hidden":5,"layers":2,"type_features":3,"types":[0,1,3,2]})"),
              HasSubstr("particle 2 has type 3, expected 0 to 2"));
  EXPECT_THAT(refused(R"({"dim":2,"hidden":5,"layers":2,"type_features":3,"types":[0]})"),
              HasSubstr("number of particles is 1"));
  EXPECT_THAT(refused(R"({"dim":2,"hidden":5,"layers":3,"type_features":3,"types":[0,1,1,2]})"),
              HasSubstr("gcl_2.edge_mlp.0.weight"));
  EXPECT_THAT(refused(R"({"dim":2,"hidden":5,"layers":1000000,"type_features":3,"types":[0,1,1,2]})"),
              HasSubstr("1000000 layers"));
  for (const char* text :
       {"", "[]", "{", R"({"dim":2})",
        R"({"dim":-2,"hidden":5,"layers":2,"type_features":3,"types":[0,1,1,2]})",
        R"({"dim":2,"hidden":1e3,"layers":2,"type_features":3,"types":[0,1,1,2]})",
        R"({"dim":2,"hidden":5,"layers":18446744073709551615,"type_features":3,"types":[0,1,1,2]})",
        R"({"dim":2,"hidden":5,"layers":2,"type_features":3,"types":"0112"})"}) {
    EXPECT_THAT(refused(text), HasSubstr("equibolt.architecture")) << text;
  }
}

TEST_F(ModelFile, CutFilesAreRefused) {
  write_model(path_, random_model());
  const Bytes bytes = read_file(path_);
  ASSERT_NO_THROW(parse_model(bytes, "m"));
  for (std::size_t length = 0; length < bytes.size(); length += length < 40 ? 1 : 37) {
    EXPECT_THROW(parse_model(std::span(bytes).first(length), "m"), DataError) << length;
  }
}

TEST_F(ModelFile, WeightsThatAreNotFiniteAreNotWritten) {
  Model model = random_model();
  write_model(path_, model);
  const Bytes before = read_file(path_);
  model.parameters.back() = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(write_model(path_, model), NumericalError);
  EXPECT_EQ(read_file(path_), before);
}

TEST_F(ModelFile, TheFormatsOwnKeysAreNotForOthers) {
  Model model = random_model();
  model.metadata["equibolt.model"] = "2";
  EXPECT_THROW(write_model(path_, model), UsageError);
}

TEST(ImportNpz, DeducesTheArchitectureAndKeepsTheWeights) {
  const Npz npz = read_npz(golden / "egnn_tiny.npz");
  const Model model = import_npz(npz);
  EXPECT_EQ(model.architecture, (Architecture{{0, 1, 1}, 3, 8, 2, 2}));
  const ParameterLayout layout(model.architecture);
  ASSERT_EQ(model.parameters.size(), layout.size());
  for (const auto& array : layout.arrays()) {
    const std::vector<double> values = npz["weight." + array.name].as_double();
    for (std::size_t k = 0; k < values.size(); ++k) {
      ASSERT_EQ(model.parameters[array.offset + k], static_cast<float>(values[k])) << array.name;
    }
  }
  EXPECT_EQ(import_npz(golden / "egnn_one_layer.npz").architecture,
            (Architecture{{0, 0, 0, 0, 0}, 3, 16, 1, 0}));
}

/// The golden network as plain arrays, without what else the file holds.
Npz bare_weights() {
  Npz bare;
  bare.origin = "bare.npz";
  for (const auto& [name, array] : read_npz(golden / "egnn_tiny.npz").arrays) {
    if (name.starts_with("weight.")) bare.arrays[name.substr(7)] = array;
  }
  return bare;
}

TEST(ImportNpz, TakesBareNamesWithTypesAndDimGiven) {
  const Model wanted = import_npz(golden / "egnn_tiny.npz");
  const Model model = import_npz(bare_weights(), {.types = ParticleTypes{0, 1, 1}, .dim = 3});
  EXPECT_EQ(model.architecture, wanted.architecture);
  EXPECT_EQ(model.parameters, wanted.parameters);
}

TEST(ImportNpz, FaultsAreNamed) {
  const auto refused = [](const std::function<void(Npz&)>& change,
                          const ImportOptions& options) -> std::string {
    Npz npz = bare_weights();
    change(npz);
    try {
      import_npz(npz, options);
    } catch (const DataError& error) {
      return error.what();
    }
    ADD_FAILURE() << "not refused";
    return "";
  };
  const ImportOptions given{.types = ParticleTypes{0, 1, 1}, .dim = 3};
  EXPECT_THAT(refused([](Npz&) {}, {}), HasSubstr("'types'"));
  EXPECT_THAT(refused([](Npz&) {}, {.types = ParticleTypes{0, 1, 1}, .dim = {}}), HasSubstr("'dim'"));
  EXPECT_THAT(refused([](Npz&) {}, {.types = ParticleTypes{0, 1, 2}, .dim = 3}),
              HasSubstr("particle 2 has type 2"));
  EXPECT_THAT(refused([](Npz&) {}, {.types = ParticleTypes{0, 1, 1}, .dim = 0}), HasSubstr("dim is 0"));
  EXPECT_THAT(refused([](Npz& npz) { npz.arrays.erase("gcl_0.node_mlp.2.bias"); }, given),
              AllOf(HasSubstr("bare.npz"), HasSubstr("'gcl_0.node_mlp.2.bias' (8,) is missing")));
  EXPECT_THAT(refused([](Npz& npz) { npz.arrays.erase("embedding.weight"); }, given),
              HasSubstr("embedding.weight"));
  EXPECT_THAT(refused([](Npz& npz) { npz.arrays["embedding.weight"].shape = {24}; }, given),
              HasSubstr("(24,)"));
  EXPECT_THAT(refused(
                  [](Npz& npz) {
                    npz.arrays["embedding.bias"].shape = {8, 1};
                  },
                  given),
              HasSubstr("(8, 1), expected (8,)"));
  EXPECT_THAT(refused([](Npz& npz) { npz.arrays["gcl_7.more"] = Array::scalar(1.0); }, given),
              AllOf(HasSubstr("8 layers"), HasSubstr("gcl_2"), HasSubstr("more")));
  EXPECT_THAT(refused([](Npz& npz) { npz.arrays["gcl_99999999999.x"] = Array::scalar(1.0); }, given),
              HasSubstr("layers is"));
  EXPECT_THAT(refused([](Npz& npz) { npz.arrays["other"] = Array::scalar(1.0); }, given),
              HasSubstr("'other' is unknown"));
  EXPECT_THAT(refused(
                  [](Npz& npz) {
                    npz.arrays["embedding.bias"] = Array::of(std::vector<double>{1, 2, 1e300, 0, 0, 0, 0, 0});
                  },
                  given),
              AllOf(HasSubstr("'embedding.bias'"), HasSubstr("element 2")));
}

}  // namespace
}  // namespace equibolt

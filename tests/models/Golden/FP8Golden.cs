using System.IO;
using System.Linq;
using System.Text.Json;
using Sinter.Tests.Data;

namespace Sinter.Models.Tests.Golden;

/// <summary>Golden values of the trained checkpoint with FP8 weights.</summary>
internal sealed class FP8Golden
{
    public const string Name = "tiny-trained-fp8";

    private static readonly string[] s_measured =
        ["dequant_f32_vs_f64", "dequant_official_absorb_vs_v3ref", "dequant_official_naive_vs_v3ref"];

    private readonly JsonElement _facts = JsonDocument.Parse(File.ReadAllText(Repository.Data(Name, "golden.json"))).RootElement;

    public TensorFile Tensors { get; } = new(Repository.Data(Name, "golden.safetensors"));

    /// <summary>What is allowed for <c>dequant.*</c>: as elsewhere four times what the references are apart.</summary>
    public double Dequantised =>
        4 * s_measured.Max(name => _facts.GetProperty("max_abs_diff").GetProperty(name).GetDouble());
}

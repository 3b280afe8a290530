using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Sinter.Command.Loading;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>
/// The memory of a process that loads a random model of some 300 MB, large beside what the runtime itself takes: the most that
/// it ever had, while loading too, less what it had before.
/// </summary>
[Trait("Category", "Slow")]
public sealed class MemoryTests : IDisposable
{
    /// <summary>What compiled kernels, threads and activations take, however large the weights are.</summary>
    private const long Fixed = 16 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-memory").FullName;

    public MemoryTests() => WriteCheckpoint(_folder);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Loading_and_running_takes_no_more_than_a_tenth_beyond_weights_and_caches()
    {
        // The first run compiles the model; what the compiler takes is no part of this.
        await Measure();
        foreach (string[] options in (string[][])[[], ["--placement", "mapped"], ["--placement", "copied"], ["--weights", "fp8"], ["--weights", "int8"]])
        {
            (long most, long before, long model, string placement) = await Measure(options);
            if (options is ["--placement", var wanted]) Assert.Equal(wanted, placement);
            string all = $"{string.Join(' ', options)}: {most >> 20} MiB at most, {before >> 20} before, {model >> 20} of weights and caches";
            Assert.True(most - before <= 1.1 * model + Fixed, all);

            // All experts of all layers are chosen by some of the tokens: what was not touched would not be counted.
            Assert.True(most - before >= 0.8 * model, all);
        }
    }

    private async Task<(long Most, long Before, long Model, string Placement)> Measure(params string[] options)
    {
        string[] arguments = ["bench", _folder, "-p", "256", "-n", "4", "-r", "1", "-t", "2", "--json", .. options];
        JsonElement report = JsonDocument.Parse((await SinterProcess.Run(arguments)).IsFine()).RootElement;
        return (report.GetProperty("resident_bytes").GetInt64(), report.GetProperty("resident_bytes_before_loading").GetInt64(), report.GetProperty("weight_and_cache_bytes").GetInt64(), report.GetProperty("placement").GetString()!);
    }

    private static void WriteCheckpoint(string folder)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.TinyTrained, "config.json")))!.AsObject();
        foreach ((string name, int value) in new[] { ("hidden_size", 512), ("num_hidden_layers", 4), ("num_nextn_predict_layers", 0), ("n_routed_experts", 64), ("moe_intermediate_size", 512) })
            config[name] = value;
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        ModelDescription description = ModelSource.ForConfig(ModelConfig.Load(folder)).Program(ModelConfig.Load(folder)).Description;
        var random = new Random(1);
        var writer = new SafetensorsWriter();
        foreach (WeightDeclaration declaration in description.Weights)
        {
            // Routing biases are kept in float32, as published.
            bool isExact = declaration.Name.EndsWith("_bias", StringComparison.Ordinal);
            int numbers = declaration.Shape.Aggregate(1, (product, side) => product * side);
            foreach (string name in Names(declaration))
            {
                writer.Add(name, isExact ? ElementType.F32 : ElementType.BF16, [.. declaration.Shape], stream =>
                {
                    var bytes = new byte[numbers * (isExact ? 4 : 2)];
                    for (int i = 0; i < numbers; i++)
                    {
                        float value = declaration.Shape.Count == 1 ? 1 : 0.04f * (random.NextSingle() - 0.5f);
                        if (isExact) BitConverter.TryWriteBytes(bytes.AsSpan(4 * i), 0f);
                        else BitConverter.TryWriteBytes(bytes.AsSpan(2 * i), ElementCasts.EncodeBF16(value));
                    }

                    stream.Write(bytes);
                });
            }
        }

        writer.Save(Path.Combine(folder, "model.safetensors"));
    }

    private static IEnumerable<string> Names(WeightDeclaration declaration) =>
        from layer in Enumerable.Range(declaration.FirstLayer, declaration.Layers)
        from expert in Enumerable.Range(0, Math.Max(1, declaration.Experts))
        select declaration.Name.Replace("{layer}", $"{layer}", StringComparison.Ordinal).Replace("{expert}", $"{expert}", StringComparison.Ordinal);
}

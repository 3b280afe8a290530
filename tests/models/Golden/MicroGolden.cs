using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Sinter.Tests.Data;

namespace Sinter.Models.Tests.Golden;

/// <summary>The smallest checkpoint, in F32: what its first training step saw before any weight moved.</summary>
internal sealed class MicroGolden
{
    public const string Name = "micro-train";
    private const int Length = 24;

    private readonly JsonElement _facts = JsonDocument.Parse(File.ReadAllText(Repository.Data(Name, "golden.json"))).RootElement;

    private readonly int[] _tokens = new TensorFile(Repository.Data(Name, "golden.safetensors"))["tokens"].Integers;

    public static int Sequences => 4;

    /// <summary>Nats a token of next-token prediction, in float64.</summary>
    public double MainLoss => _facts.GetProperty("first_step_f64").GetProperty("main").GetDouble();

    /// <summary>Nats a token of multi-token prediction, in float64.</summary>
    public double PredictionLoss => _facts.GetProperty("first_step_f64").GetProperty("mtp").GetDouble();

    /// <summary>How far float32 losses were from float64 ones in twenty steps.</summary>
    public double Tolerance => _facts.GetProperty("measured").GetProperty("loss_max_abs").GetDouble();

    /// <summary>Tokens of one sequence of the first step, from <paramref name="from"/> on.</summary>
    public int[] Tokens(int sequence, int from) =>
        _tokens[(sequence * (Length + 2) + from)..(sequence * (Length + 2) + from + Length)];

    /// <summary>Mean of −log p over the rows of logits.</summary>
    public static double CrossEntropy(double[] logits, int[] targets)
    {
        int width = logits.Length / targets.Length;
        return targets.Select((target, row) =>
        {
            double[] numbers = logits[(row * width)..((row + 1) * width)];
            double max = numbers.Max();
            return max + Math.Log(numbers.Sum(number => Math.Exp(number - max))) - numbers[target];
        }).Average();
    }
}

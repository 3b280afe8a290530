using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Sinter.Command.Terminal;
using Sinter.Command.Training;
using Sinter.Compiler;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Operations.Training;
using Sinter.Compiler.Passes.Training;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training;

namespace Sinter.Command.Reporting;

/// <summary>What the training step of a stage needs, for people and for programs.</summary>
internal static class TrainingPlanText
{
    public static void Write(CompiledStage stage)
    {
        TrainingBytes bytes = TrainingBytes.Of(stage.Program, stage.Options);
        Console.WriteLine($"{stage.Compiled.Name}, stage {stage.Stage.Name}: sequences of {stage.Options.Length} tokens, one after the other, by {Threads(stage)} threads");
        Console.WriteLine();
        Console.WriteLine($"memory        {Quantity.Bytes(bytes.Total)}");
        Console.WriteLine($"  weights     {Quantity.Bytes(bytes.Weights)} in F32");
        Console.WriteLine($"  gradients   {Quantity.Bytes(bytes.Gradients)}");
        Console.WriteLine($"  moments     {Quantity.Bytes(bytes.Moments)} in {stage.Options.Moments}");
        if (bytes.CastWeights > 0) Console.WriteLine($"  casts       {Quantity.Bytes(bytes.CastWeights)} of weights, in {stage.Options.Precision}");
        Console.WriteLine($"  kept        {Quantity.Bytes(bytes.Kept)}: {Quantity.Bytes(stage.Program.Training.KeptBytes)} a token, from the forward for the backward pass");
        Console.WriteLine($"  activations {Quantity.Bytes(bytes.Activations)}: {Quantity.Bytes(stage.Program.Training.TokenBytes)} a token, "
            + $"{Quantity.Bytes(stage.Program.Training.PairBytes)} a pair of tokens, {Quantity.Bytes(stage.Program.Training.FixedBytes)} besides");
        Console.WriteLine($"  tiles       {Quantity.Bytes(bytes.Tiles)} of the threads");
        Console.WriteLine($"  tables      {Quantity.Bytes(bytes.Tables)}");
    }

    /// <summary>For each region, whatever the length: which forward values its gradients find in memory, and which are made again.</summary>
    public static void WriteRegions(CompiledStage stage)
    {
        foreach ((TrainingRegion region, List<TrainingBuffer> kept, EquatableArray<string> anew) in Regions(stage.Compiled))
        {
            Console.WriteLine();
            Console.WriteLine(region.IsRepeated ? $"{region.Name}, a layer" : region.Name);
            Console.WriteLine($"  kept        {(kept.Count == 0 ? "nothing" : string.Join(", ", kept.Select(buffer => $"{Name(buffer)} {Quantity.Bytes(Bytes(buffer))}")))}{(kept.Count == 0 ? "" : " a token")}");
            Console.WriteLine($"  made anew   {(anew.Count == 0 ? "nothing" : string.Join(", ", anew))}");
        }
    }

    public static void Write(Utf8JsonWriter json, CompiledStage stage)
    {
        TrainingBytes bytes = TrainingBytes.Of(stage.Program, stage.Options);
        json.WriteString("name", stage.Compiled.Name);
        json.WriteString("stage", stage.Stage.Name);
        json.WriteNumber("length", stage.Options.Length);
        json.WriteNumber("threads", Threads(stage));
        json.WriteNumber("bytes", bytes.Total);
        json.WriteNumber("weight_bytes", bytes.Weights);
        json.WriteNumber("gradient_bytes", bytes.Gradients);
        json.WriteNumber("moment_bytes", bytes.Moments);
        json.WriteNumber("cast_bytes", bytes.CastWeights);
        json.WriteNumber("kept_bytes", bytes.Kept);
        json.WriteNumber("activation_bytes", bytes.Activations);
        json.WriteNumber("tile_bytes", bytes.Tiles);
        json.WriteNumber("table_bytes", bytes.Tables);
        json.WriteStartArray("regions");
        foreach ((TrainingRegion region, List<TrainingBuffer> kept, EquatableArray<string> anew) in Regions(stage.Compiled))
        {
            json.WriteStartObject();
            json.WriteString("name", region.Name);
            json.WriteNumber("layers", Math.Max(1, region.EndLayer - region.FirstLayer));
            json.WriteStartObject("kept_bytes_per_token_and_layer");
            foreach (TrainingBuffer buffer in kept) json.WriteNumber(Name(buffer), Bytes(buffer));
            json.WriteEndObject();
            json.WriteStartArray("made_anew");
            foreach (string name in anew) json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static int Threads(CompiledStage stage) => stage.Options.Threads ?? ThreadTeam.DefaultCount;

    /// <summary>The head, which makes its scores and their gradients together, keeps nothing and makes nothing anew.</summary>
    private static IEnumerable<(TrainingRegion Region, List<TrainingBuffer> Kept, EquatableArray<string> Anew)> Regions(CompiledTraining training) =>
        training.Forward.Select((region, i) => (region, Kept(region), training.MadeAnew[i])).Where(entry => !entry.region.IsStretched);

    private static List<TrainingBuffer> Kept(TrainingRegion region) => [.. region.Buffers.Where(buffer => buffer.Home == TrainingHome.Kept)];

    private static string Name(TrainingBuffer buffer) => buffer.Name.StartsWith(KeepValues.Prefix, StringComparison.Ordinal) ? buffer.Name[KeepValues.Prefix.Length..] : buffer.Name;

    private static long Bytes(TrainingBuffer buffer) => (long)buffer.Numbers * sizeof(float);
}

using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>Prints what the runtime must know of a model.</summary>
internal static class DescriptionEmitter
{
    public static void Emit(SourceWriter writer, CompiledProgram program)
    {
        ModelGraph model = program.Model;
        writer.Line("public override ModelDescription Description { get; } = new()");
        writer.Line("{");
        writer.Indented(() =>
        {
            writer.Line($"Name = {Literal.Text(model.Name)},");
            writer.Line($"Architecture = {Literal.Text(model.Architecture)},");
            writer.Line($"ModelTypes = [{string.Join(", ", model.ModelTypes.Select(Literal.Text))}],");
            writer.Line("Config = new Dictionary<string, object?>");
            List(writer, "},", model.Config.Select(binding => $"[{Literal.Text(binding.Name)}] = {Literal.Config(binding.Value)},"));
            writer.Line($"VocabularySize = {Width(model, "logits")},");
            writer.Line($"HiddenSize = {Width(model, "hidden")},");
            writer.Line($"Layers = {model.Layers},");
            writer.Line($"MaxPositions = {model.Config.FirstOrDefault(binding => binding.Name == "max_position_embeddings")?.Value ?? "0"},");
            writer.Line("Weights =");
            List(writer, "],", program.Slots.Slots.Select(Weight), "[");
            writer.Line("SameFormat =");
            List(writer, "],", SameFormat(program).Select(names => $"[{string.Join(", ", names.Select(Literal.Text))}],"), "[");
            writer.Line($"Caches = [{string.Join(", ", model.Caches.Select(cache => $"new({Literal.Text(cache.Name)}, {cache.Width})"))}],");
            writer.Line($"CachedLayers = {model.Prediction?.EndLayer ?? model.Layers},");
            writer.Line("Rotaries =");
            List(writer, "],", program.Rotaries.Select(table =>
                $"new({table.Dimension}, [{string.Join(", ", table.InverseFrequencies.Select(Literal.Number))}], {Literal.Number(table.Magnitude)}),"), "[");
            writer.Line($"TokenBytes = {program.Plan.TokenBytes},");
            writer.Line($"PositionBytes = {program.Plan.PositionBytes},");
            writer.Line($"FixedBytes = {program.Plan.FixedBytes},");
            writer.Line($"ScratchBytes = {program.Kernels.Kernels.Select(kernel => kernel.ScratchBytes).DefaultIfEmpty().Max()},");
            writer.Line($"Predicts = {(model.Prediction is null ? "false" : "true")},");
            writer.Line($"PredictsAgain = {(model.Prediction?.Graph.Outputs.Any(output => output.Name == "hidden") == true ? "true" : "false")},");
        });
        writer.Line("};");
    }

    /// <summary>Tensors that one kernel reads: it is specialised for one stored format.</summary>
    private static IEnumerable<IReadOnlyList<string>> SameFormat(CompiledProgram program) =>
        program.Orders.SelectMany(order => order.All)
            .SelectMany(region => region.Calls)
            .Select(call => (IReadOnlyList<string>)[.. call.Arguments.OfType<WeightArgument>().Select(argument => argument.Tensor.Name).Distinct()])
            .Where(names => names.Count > 1)
            .GroupBy(names => string.Join("|", names))
            .Select(group => group.First());

    private static void List(SourceWriter writer, string close, IEnumerable<string> lines, string open = "{")
    {
        writer.Line(open);
        writer.Indented(() =>
        {
            foreach (string line in lines) writer.Line(line);
        });
        writer.Line(close);
    }

    private static string Weight(WeightSlot slot)
    {
        string optional = (slot.Tensor.Otherwise is { } otherwise ? $", Otherwise: {Literal.Text(otherwise)}" : "") + (slot.Predicts ? ", Predicts: true" : "");
        return $"new({Literal.Text(slot.Tensor.Name)}, {Literal.Integers(slot.Tensor.Shape)}, FirstLayer: {slot.FirstLayer}, Layers: {slot.Layers}, "
            + $"Experts: {slot.Tensor.Experts}, Slot: {slot.Slot}{optional}),";
    }

    private static int Width(ModelGraph model, string output)
    {
        foreach (Region region in model.Main)
        {
            foreach (Output candidate in region.Graph.Outputs)
            {
                if (candidate.Name == output) return region.Graph.Nodes[candidate.Node].Axes[1].Size;
            }
        }

        return 0;
    }
}

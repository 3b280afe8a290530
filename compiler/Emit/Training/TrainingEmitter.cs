using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Operations.Training;

namespace Sinter.Compiler.Emit.Training;

/// <summary>Prints the training of a model: the class with its lists of kernels, and the kernels.</summary>
public static class TrainingEmitter
{
    private static readonly string[] s_usings =
    [
        "System", "System.Collections.Generic", "System.Runtime.CompilerServices", "System.Runtime.Intrinsics", "Sinter.Runtime.Execution", "Sinter.Runtime.Numerics",
        "Sinter.Runtime.Training", "Sinter.Runtime.Training.Kernels", "Sinter.Runtime.Weights",
    ];

    public static string Emit(CompiledTraining training, string @namespace)
    {
        var writer = new SourceWriter();
        ModelEmitter.Header(writer, $"The training of {training.Name}: forward, and the gradients of all its weights.", s_usings, @namespace);
        using (writer.Block($"public sealed unsafe class {training.Name}Training : TrainingProgram"))
        {
            DescriptionEmitter.Emit(writer, training.Program);
            writer.Line();
            Description(writer, training);
            Entry(writer, "Forward", training.Forward);
            Entry(writer, "Backward", training.Backward);
            int region = 0;
            foreach (TrainingRegion lowered in training.Regions)
            {
                Emit(writer, training, lowered, region);
                region++;
            }

            writer.Line();
            foreach ((string name, string scale) in new[] { ("Token", "pass.MaxTokens"), ("Pair", "pass.MaxTokens * pass.MaxTokens"), ("Kept", "pass.MaxTokens"), ("Fixed", "1") })
            {
                writer.Line($"private static float* {name}(ref readonly TrainingPass pass, int offset) => (float*)(pass.{name}Arena + (long)offset * {scale});");
            }
        }

        return writer.ToString();
    }

    public static string EmitKernels(CompiledTraining training, string @namespace)
    {
        var writer = new SourceWriter();
        ModelEmitter.Header(writer, $"The kernels that train {training.Name}, one for each distinct shape.", s_usings, @namespace);
        using (writer.Block($"internal static unsafe class {training.Name}TrainingKernels"))
        {
            bool isFirst = true;
            foreach (KernelSource kernel in training.Kernels.All)
            {
                if (!isFirst) writer.Line();
                isFirst = false;
                writer.Lines(kernel.Text);
            }
        }

        return writer.ToString();
    }

    private static void Description(SourceWriter writer, CompiledTraining training)
    {
        writer.Line("public override TrainingDescription Training { get; } = new()");
        writer.Line("{");
        writer.Indented(() =>
        {
            writer.Line("Tensors =");
            List(writer, training.Slots.Slots.Select(slot =>
                $"new({Literal.Text(slot.Name)}, {Literal.Integers(slot.Shape)}, {slot.FirstLayer}, {slot.Layers}, {slot.Experts}, {slot.Slot}, {(slot.IsTrained ? "true" : "false")}{(slot.IsCast ? ", true" : "")}),"));
            writer.Line("Balanced =");
            List(writer, training.Balanced().Select(balanced =>
                $"new({balanced.Region.FirstLayer}, {balanced.Region.EndLayer - balanced.Region.FirstLayer}, {balanced.Experts}, {Bias(training, balanced.Region, balanced.Experts)}),"));
            writer.Line("Rotaries =");
            List(writer, training.Rotaries().Select(table =>
                $"new({table.Dimension}, [{string.Join(", ", table.InverseFrequencies.Select(Literal.Number))}], {Literal.Number(table.Magnitude)}),"));
            writer.Line($"Depth = {(training.Program.Model.Prediction is null ? 0 : training.Program.Model.PredictionDepth)},");
            writer.Line($"TokenBytes = {training.Plan.TokenBytes},");
            writer.Line($"PairBytes = {training.Plan.PairBytes},");
            writer.Line($"FixedBytes = {training.Plan.FixedBytes},");
            writer.Line($"KeptBytes = {training.Plan.KeptBytes},");
            int scratch = training.Kernels.All.Select(kernel => kernel.ScratchBytes).DefaultIfEmpty().Max();
            string[] widths = [.. training.Regions.SelectMany(region => region.Calls).Select(call => call.Operation).OfType<SequenceAttentionOperation>()
                .Select(attention => $"({attention.Query.Width}, {attention.OtherQuery?.Width ?? 0}, {attention.Value.Width})").Distinct()];
            writer.Line($"ScratchTokenBytes = {Most("0", widths.Select(all => "AttentionShape.TokenBytes" + all))},");
            writer.Line($"Precision = TrainingPrecision.{training.Precision},");
            string most = Most("Product.ScratchBytes", widths.Select(all => "AttentionShape.BlockBytes" + all).Prepend(scratch.ToString(CultureInfo.InvariantCulture)));
            writer.Line($"ScratchBytes = {most},");
        });
        writer.Line("};");
    }

    private static string Most(string first, IEnumerable<string> others) => others.Aggregate(first, (most, other) => $"Math.Max({most}, {other})");

    /// <summary>What steers the choice of a layer: the vector over experts that no gradient moves.</summary>
    private static string Bias(CompiledTraining training, TrainingRegion region, int experts)
    {
        TrainingSlot? bias = training.Slots.Slots.FirstOrDefault(slot =>
            !slot.IsTrained && slot.FirstLayer == region.FirstLayer && slot.Shape.Count == 1 && slot.Shape[0] == experts && slot.Name.Contains("{layer}"));
        return bias is null ? "null" : Literal.Text(bias.Name);
    }

    private static void List(SourceWriter writer, IEnumerable<string> lines)
    {
        writer.Line("[");
        writer.Indented(() =>
        {
            foreach (string line in lines) writer.Line(line);
        });
        writer.Line("],");
    }

    private static void Entry(SourceWriter writer, string direction, EquatableArray<TrainingRegion> regions)
    {
        writer.Line();
        using (writer.Block($"public override void {direction}(ref readonly TrainingPass pass, in Worker worker)"))
        {
            writer.Line($"if (Vector512.IsHardwareAccelerated) {direction}<Lanes512>(in pass, in worker);");
            writer.Line($"else if (Vector256.IsHardwareAccelerated) {direction}<Lanes256>(in pass, in worker);");
            writer.Line($"else {direction}<Lanes128>(in pass, in worker);");
        }

        writer.Line();
        using (writer.Block($"private static void {direction}<V>(ref readonly TrainingPass pass, in Worker worker) where V : struct, ILanes<V>"))
        {
            foreach (TrainingRegion region in regions)
            {
                // With its gradients a head makes its loss anew, so that forward it runs only where there are none.
                string condition = region.IsStretched && !region.Descends ? "if (!pass.Trains) " : "";
                writer.Line($"{condition}{Method(region)}<V>(in pass, in worker);");
            }
        }
    }

    private static string Method(TrainingRegion region) => string.Concat(region.Name.Replace("..", " To ").Split(' ').Select(Capital));

    private static string Capital(string word) => word.Length == 0 ? "" : char.ToUpperInvariant(word[0]) + word.Substring(1);

    private static void Emit(SourceWriter writer, CompiledTraining training, TrainingRegion region, int number)
    {
        int stages = region.Calls.Select(call => call.Stage).Distinct().Count();
        writer.Line();
        writer.Line($"/// <summary>{region.Name}: {region.Calls.Count} kernels in {stages} stages{(region.IsRepeated ? " a layer" : "")}.</summary>");
        using (writer.Block($"private static void {Method(region)}<V>(ref readonly TrainingPass pass, in Worker worker) where V : struct, ILanes<V>"))
        {
            if (!region.IsStretched) writer.Line("ref readonly Step step = ref pass.Step;");
            if (region.IsStretched) writer.Line($"int stretch = TrainingPass.EvenStretch(pass.Step.Tokens, {region.Stretch});");
            using SourceWriter.Scope? stretch = region.IsStretched ? writer.Block("for (int first = 0; first < pass.Step.Tokens; first += stretch)") : null;
            if (region.IsStretched)
            {
                writer.Line("Step step = pass.Step;");
                writer.Line("step.Tokens = Math.Min(stretch, pass.Step.Tokens - first);");
            }

            BufferNames names = new(region.Buffers.Select(buffer => buffer.Name));
            Buffers(writer, training, region, number, names, ofLayer: false);
            for (int i = 0; i < region.Groups.Count; i++)
            {
                GroupSpecification groups = region.Groups[i];
                writer.Line($"var groups{i} = new ExpertGroups {{ Offsets = {names[groups.Offsets]}, Pairs = {names[groups.Pairs]}, Rank = {names[groups.Rank]}, Experts = {groups.Experts}, Chosen = {groups.Chosen} }};");
            }

            if (!region.IsRepeated)
            {
                Calls(writer, training, region, names);
                return;
            }

            using (writer.Block(region.Descends
                ? $"for (int layer = {region.EndLayer - 1}; layer >= {region.FirstLayer}; layer--)"
                : $"for (int layer = {region.FirstLayer}; layer < {region.EndLayer}; layer++)"))
            {
                Buffers(writer, training, region, number, names, ofLayer: true);
                Calls(writer, training, region, names);
            }
        }
    }

    private static void Buffers(SourceWriter writer, CompiledTraining training, TrainingRegion region, int number, BufferNames names, bool ofLayer)
    {
        HashSet<string> used = [.. region.Calls.SelectMany(call => call.Reads.Concat(call.Writes))];
        for (int i = 0; i < region.Buffers.Count; i++)
        {
            TrainingBuffer buffer = region.Buffers[i];
            bool isOfLayer = region.IsRepeated && buffer.Home is TrainingHome.Kept or TrainingHome.Loads;
            if (isOfLayer != ofLayer || !used.Contains(TrainingRegion.Key(i))) continue;
            string place = PlaceOf(training, region, number, i);
            if (region.IsStretched && buffer.Sequences == 1 && buffer.Home != TrainingHome.Plan) place += buffer.Numbers == 1 ? " + first" : $" + (long)first * {buffer.Numbers}";
            bool casts = buffer.IsIndex && buffer.Home is not (TrainingHome.TokenIds or TrainingHome.Loads);
            writer.Line($"{(buffer.IsIndex ? "int" : "float")}* {names[i]} = {(casts ? "(int*)" : "")}{place};");
        }
    }

    private static string PlaceOf(CompiledTraining training, TrainingRegion region, int number, int index)
    {
        TrainingBuffer buffer = region.Buffers[index];
        int offset = training.Plan.Offsets[number][index];
        string layer = region.IsRepeated && region.EndLayer - region.FirstLayer > 1 ? $" + (layer - {region.FirstLayer})" : "";
        switch (buffer.Home)
        {
            case TrainingHome.TokenIds: return buffer.Number == 0 ? "pass.TokenIds" : $"pass.TokenIds + {buffer.Number}";
            case TrainingHome.Worth: return $"pass.Worths + {buffer.Number}";
            case TrainingHome.Loss: return $"pass.Losses + {buffer.Number}";
            case TrainingHome.Loads:
                int first = training.Balanced().First(balanced => balanced.Region.Equals(region)).First;
                return $"pass.Loads + ({first}{layer}) * pass.LoadStride";
            case TrainingHome.Kept:
                return $"Kept(in pass, {offset}{(layer.Length > 0 ? $"{layer} * {training.Plan.KeptStrides[number][index]}" : "")})";
            default: return $"{((region.IsStretched && buffer.Home == TrainingHome.Plan ? 0 : buffer.Sequences) switch { 0 => "Fixed", 1 => "Token", _ => "Pair" })}(in pass, {offset})";
        }
    }

    private static void Calls(SourceWriter writer, CompiledTraining training, TrainingRegion region, BufferNames names)
    {
        int stage = 0;
        string barrier = training.IsTimed ? "pass.Clock!.Wait(in worker);" : "worker.Barrier();";
        foreach (TrainingCall call in region.Calls)
        {
            if (call.Stage != stage) writer.Line(barrier);
            stage = call.Stage;
            IEnumerable<string> arguments = call.Arguments.Select(argument => Text(training, region, names, argument));
            KernelSource kernel = training.Kernels[call.Operation];
            if (training.IsTimed) writer.Line("pass.Clock!.Start(in worker);");
            writer.Line($"{training.Name}TrainingKernels.{kernel.Method}<V>({string.Join(", ", arguments.Prepend("in worker").Prepend("in step"))});");
            if (training.IsTimed) writer.Line($"pass.Clock.Stop(in worker, {training.Kernels.All.IndexOf(kernel)});");
        }

        writer.Line(barrier);
    }

    private static string Text(CompiledTraining training, TrainingRegion region, BufferNames names, CallArgument argument) => argument switch
    {
        BufferArgument buffer => names[buffer.Buffer],
        WeightArgument weight => $"pass.Weights[{Slot(training, region, weight.Tensor)}]",
        CastWeightArgument weight => $"pass.CastWeights[{Slot(training, region, weight.Tensor)}]",
        GradientArgument gradient => $"pass.Gradients[{Slot(training, region, gradient.Tensor)}]",
        RotaryArgument rotary => $"pass.Rotaries[{training.Rotaries().IndexOf(rotary.Table)}]",
        BeginsArgument => "pass.Begins",
        NothingArgument => "null",
        GroupsArgument groups => $"&groups{groups.Groups}",
        _ => throw new UnsupportedException($"a kernel of training takes no {argument.GetType().Name}"),
    };

    private static string Slot(CompiledTraining training, TrainingRegion region, WeightTensor tensor)
    {
        TrainingSlot slot = training.Slots.Find(tensor, region);
        string layer = slot.Layers > 1 ? $" + (layer - {region.FirstLayer})" : "";
        return $"{slot.Slot}{layer} /* {slot.Name.Replace("model.layers.{layer}.", "").Replace("{expert}.", "")} */";
    }
}

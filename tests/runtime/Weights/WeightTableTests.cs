using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Data;
using Xunit;
using StoredTensor = Sinter.Runtime.Checkpoints.StoredTensor;

namespace Sinter.Runtime.Tests.Weights;

public sealed unsafe class WeightTableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder["model.safetensors"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tiny-v3", WeightPlacement.Mapped)]
    [InlineData("tiny-v3-yarn", WeightPlacement.Copied)]
    [InlineData("tiny-v3-noqlora-sharded", WeightPlacement.Mapped)]
    [InlineData("tiny-v3-noqlora-sharded", WeightPlacement.Copied)]
    [InlineData("tiny-trained-fp8", WeightPlacement.Mapped)]
    [InlineData("tiny-trained-fp8", WeightPlacement.Copied)]
    [InlineData("micro-train", WeightPlacement.Mapped)]
    [InlineData("micro-train", WeightPlacement.Automatic)]
    public void Binds_published_checkpoints(string name, WeightPlacement placement)
    {
        ModelDescription description = DescriptionOf.DeepSeekV3(Repository.Data(name));
        using Checkpoint original = Checkpoint.Open(Repository.Data(name));
        using WeightTable table = WeightTable.Bind(description, Checkpoint.Open(Repository.Data(name)), placement);
        foreach (WeightDeclaration declaration in description.Weights)
        {
            for (int i = 0; i < declaration.Layers * Math.Max(declaration.Experts, 1); i++)
            {
                string tensorName = declaration.Name
                    .Replace("{layer}", $"{declaration.FirstLayer + i / Math.Max(declaration.Experts, 1)}")
                    .Replace("{expert}", $"{i % Math.Max(declaration.Experts, 1)}");
                AssertBound(original, original.Tensors.GetValueOrDefault(tensorName) ?? original.Tensors[declaration.Otherwise!], table.Weights[declaration.Slot + i], placement);
            }
        }

        // The test models are too small for a copy to pay.
        Assert.Equal(placement == WeightPlacement.Automatic ? WeightPlacement.Mapped : placement, table.Placement);
        Assert.Equal(description.Predicts, table.Predicts);
        Assert.Null(table.FindNotANumber());
    }

    /// <summary>A device has memory of its own, which it fills from the files.</summary>
    [Theory]
    [InlineData(WeightPlacement.Automatic)]
    [InlineData(WeightPlacement.Mapped)]
    public void For_a_device_weights_stay_in_the_mapped_files(WeightPlacement placement)
    {
        using WeightTable table = WeightTable.Bind(DescriptionOf.DeepSeekV3(Repository.Data("tiny-v3")), Checkpoint.Open(Repository.Data("tiny-v3")), placement, target: new SomeDevice());
        Assert.Equal(WeightPlacement.Mapped, table.Placement);
    }

    [Fact]
    public void A_copy_beside_a_devices_own_is_refused()
    {
        SinterException refused = Assert.Throws<SinterException>(() =>
            WeightTable.Bind(DescriptionOf.DeepSeekV3(Repository.Data("tiny-v3")), Checkpoint.Open(Repository.Data("tiny-v3")), WeightPlacement.Copied, target: new SomeDevice()));
        Assert.StartsWith("Some device takes the weights from the mapped files", refused.Message, StringComparison.Ordinal);
    }

    private sealed class SomeDevice : ISessionTarget
    {
        public string Name => "Some device";

        public long MemoryBytes => 0;

        public StepExecution Open(ModelProgram program, WeightTable weights, SessionSizes sizes) => throw new NotSupportedException();
    }

    private static void AssertBound(Checkpoint checkpoint, StoredTensor tensor, StoredWeight weight, WeightPlacement placement)
    {
        Assert.True(new ReadOnlySpan<byte>(weight.Data, (int)tensor.ByteCount).SequenceEqual(tensor.Bytes), tensor.Name);
        Assert.Equal(tensor.Shape[^1], weight.Columns);
        if (placement == WeightPlacement.Copied) Assert.Equal(0, (nint)weight.Data % 64);
        if (tensor.Type != ElementType.F8_E4M3)
        {
            Assert.True(weight.Scales is null);
            return;
        }

        StoredTensor scales = checkpoint.Tensors[tensor.Name + "_scale_inv"];
        Assert.Equal(scales.Shape[1], weight.ScaleColumns);
        Assert.Equal(scales.ToSingles(), new ReadOnlySpan<float>(weight.Scales, (int)scales.Count).ToArray());
    }

    [Fact]
    public void Takes_the_trained_checkpoint_which_leaves_the_copies_of_embedding_and_head_out()
    {
        ModelDescription description = DescriptionOf.DeepSeekV3(Repository.TinyTrained);
        using WeightTable table = WeightTable.Bind(description, Checkpoint.Open(Repository.TinyTrained));
        WeightDeclaration copy = description.Weights.Single(declaration => declaration.Otherwise == "lm_head.weight");
        WeightDeclaration head = description.Weights.Single(declaration => declaration.Name == "lm_head.weight");
        Assert.True(table.Predicts);
        Assert.True(table.Weights[copy.Slot].Data == table.Weights[head.Slot].Data);
    }

    [Fact]
    public void Rejects_a_missing_tensor()
    {
        Write(Tensor("first", 2, 3));
        Rejects(Model(One("first", 2, 3), One("second", 4), One("third", 4)),
            $"{FilePath}: tensor 'second' of shape [4] is missing, which the model Small wants; another one is missing.");
    }

    [Fact]
    public void Rejects_tensors_that_the_model_does_not_declare()
    {
        Write(Tensor("first", 2), Tensor("b", 1), Tensor("a", 1), Tensor("d", 1), Tensor("c", 1));
        Rejects(Model(One("first", 2)), $"{FilePath}: the checkpoint holds 4 tensors that the model Small does not declare: 'a', 'b', 'c' and 1 more.");
    }

    [Fact]
    public void Ignores_rotary_buffers_and_layers_beyond_the_last()
    {
        Write(Tensor("model.layers.0.norm", 2), Tensor("model.layers.0.self_attn.rotary_emb.inv_freq", 4), Tensor("model.layers.1.eh_proj", 2, 2));
        using WeightTable table = WeightTable.Bind(Model(One("model.layers.{layer}.norm", 2)), Checkpoint.Open(_folder.Path));
        Assert.Equal(1, table.Count);
    }

    [Fact]
    public void Rejects_a_wrong_shape()
    {
        Write(Tensor("first", 3, 2));
        Rejects(Model(One("first", 2, 3)), $"{FilePath}: tensor 'first' has shape [3, 2], but the model Small wants [2, 3].");
    }

    [Fact]
    public void Rejects_integers()
    {
        Write(writer => writer.Add("first", [2], new[] { 1, 2 }));
        Rejects(Model(One("first", 2)), $"{FilePath}: tensor 'first' is stored as I32; a weight must be F32, BF16, F16 or F8_E4M3.");
    }

    [Fact]
    public void Rejects_fp8_without_scales()
    {
        Write(Fp8("first", 130, 5));
        Rejects(Model(One("first", 130, 5)),
            $"{FilePath}: tensor 'first_scale_inv' is missing; 'first' is stored as F8_E4M3 and needs its block scales, F32 of shape [2, 1].");
    }

    [Fact]
    public void Rejects_fp8_with_scales_of_another_shape_or_type()
    {
        Write(Fp8("first", 130, 5), Tensor("first_scale_inv", 1, 2));
        Rejects(Model(One("first", 130, 5)), $"{FilePath}: tensor 'first_scale_inv' has shape [1, 2], but the 128×128 blocks of 'first' want [2, 1].");
        Write(Fp8("first", 130, 5), writer => writer.AddBf16("first_scale_inv", [2, 1], new float[2]));
        Rejects(Model(One("first", 130, 5)), $"{FilePath}: tensor 'first_scale_inv' is stored as BF16; block scales must be F32.");
    }

    [Fact]
    public void Rejects_scales_for_what_is_no_fp8()
    {
        Write(Tensor("first", 2, 2), Tensor("first_scale_inv", 1, 1));
        Rejects(Model(One("first", 2, 2)), $"{FilePath}: tensor 'first_scale_inv' gives block scales for 'first', which is stored as F32 and takes none.");
    }

    [Fact]
    public void Rejects_an_fp8_vector()
    {
        Write(Fp8("first", 5));
        Rejects(Model(One("first", 5)), $"{FilePath}: tensor 'first' is stored as F8_E4M3, which only matrices may be.");
    }

    [Fact]
    public void Rejects_experts_of_one_layer_in_two_formats_but_not_layers()
    {
        WeightDeclaration experts = new("layers.{layer}.e.{expert}", [2, 2], 0, 2, 2, 0);
        Write(Tensor("layers.0.e.0", 2, 2), Tensor("layers.0.e.1", 2, 2), Rounded("layers.1.e.0", 2, 2), Rounded("layers.1.e.1", 2, 2));
        WeightTable.Bind(Model(experts), Checkpoint.Open(_folder.Path)).Dispose();
        Write(Tensor("layers.0.e.0", 2, 2), Rounded("layers.0.e.1", 2, 2), Rounded("layers.1.e.0", 2, 2), Rounded("layers.1.e.1", 2, 2));
        Rejects(Model(experts), $"{FilePath}: tensor 'layers.0.e.1' is stored as BF16, but 'layers.0.e.0' as F32; the two must have one format.");
    }

    [Fact]
    public void Rejects_two_formats_where_the_program_wants_one()
    {
        Write(Tensor("gate", 2, 2), Rounded("up", 2, 2));
        ModelDescription model = Model(One("gate", 2, 2), One("up", 2, 2));
        WeightTable.Bind(model, Checkpoint.Open(_folder.Path)).Dispose();
        Rejects(model with { SameFormat = [["gate", "up"]] }, $"{FilePath}: tensor 'up' is stored as BF16, but 'gate' as F32; the two must have one format.");
    }

    [Fact]
    public void Leaves_prediction_off_where_the_checkpoint_has_none_of_it()
    {
        Write(Tensor("head", 2));
        using WeightTable table = WeightTable.Bind(Predicting, Checkpoint.Open(_folder.Path));
        Assert.False(table.Predicts);
        Assert.True(table.Weights[1].Data is null && table.Weights[2].Data is null && table.Weights[3].Data is null);
    }

    [Fact]
    public void Rejects_a_part_of_prediction()
    {
        Write(Tensor("head", 2), Tensor("layers.1.enorm", 2));
        Rejects(Predicting, $"{FilePath}: tensor 'layers.1.hnorm' of shape [2] is missing, while others of multi-token prediction are there: the model Small takes all of them or none.");
    }

    [Theory]
    [InlineData(ElementType.F32, "a", 3, float.NaN)]
    [InlineData(ElementType.F32, "a", 40, float.PositiveInfinity)]
    [InlineData(ElementType.BF16, "a", 17, float.NaN)]
    public void Finds_a_weight_that_is_not_a_number(ElementType type, string name, int at, float value)
    {
        var numbers = new float[42];
        Array.Fill(numbers, -float.MaxValue / 4);
        numbers[at] = value;
        Write(Tensor("first", 3), writer => _ = type == ElementType.F32 ? writer.Add(name, [6, 7], numbers) : writer.AddBf16(name, [6, 7], numbers));
        using WeightTable table = WeightTable.Bind(Model(One("first", 3), One(name, 6, 7)), Checkpoint.Open(_folder.Path));
        Assert.Equal($"{FilePath}: tensor 'a' holds a value that is not a finite number at [{at / 7}, {at % 7}]", table.FindNotANumber()!.ToString());
    }

    [Fact]
    public void Finds_fp8_codes_and_scales_that_are_not_numbers()
    {
        byte[] codes = [.. Enumerable.Repeat((byte)0xFE, 34), 0xFF];
        Write(writer => writer.Add("a", ElementType.F8_E4M3, [5, 7], codes), Tensor("a_scale_inv", 1, 1));
        using (WeightTable table = WeightTable.Bind(Model(One("a", 5, 7)), Checkpoint.Open(_folder.Path)))
            Assert.Equal([4, 6], Place(table.FindNotANumber()!));
        Write(Fp8("a", 5, 7), writer => writer.Add("a_scale_inv", [1, 1], new[] { float.NaN }));
        using (WeightTable table = WeightTable.Bind(Model(One("a", 5, 7)), Checkpoint.Open(_folder.Path)))
            Assert.Equal("a_scale_inv", table.FindNotANumber()!.Tensor);
    }

    private static long[] Place(NonFiniteWeight weight) => [weight.At / weight.Shape[1], weight.At % weight.Shape[1]];

    private static ModelDescription Predicting => Model(
        One("head", 2),
        new("layers.{layer}.enorm", [2], 1, 1, 0, 0, null, Predicts: true),
        new("layers.{layer}.hnorm", [2], 1, 1, 0, 0, null, Predicts: true),
        new("layers.{layer}.head", [2], 1, 1, 0, 0, "head", Predicts: true)) with
    { Predicts = true };

    private static WeightDeclaration One(string name, params int[] shape) => new(name, shape, 0, 1, 0, 0);

    private static ModelDescription Model(params WeightDeclaration[] declarations)
    {
        var weights = new List<WeightDeclaration>();
        int slot = 0;
        foreach (WeightDeclaration declaration in declarations)
        {
            weights.Add(declaration with { Slot = slot });
            slot += declaration.Layers * Math.Max(declaration.Experts, 1);
        }

        return DescriptionOf.Nothing with { Name = "Small", Weights = weights };
    }

    private static Action<SafetensorsWriter> Tensor(string name, params int[] shape) =>
        writer => writer.Add(name, shape, new float[shape.Aggregate(1, (x, y) => x * y)]);

    private static Action<SafetensorsWriter> Rounded(string name, params int[] shape) =>
        writer => writer.AddBf16(name, shape, new float[shape.Aggregate(1, (x, y) => x * y)]);

    private static Action<SafetensorsWriter> Fp8(string name, params int[] shape) =>
        writer => writer.Add(name, ElementType.F8_E4M3, shape, new byte[shape.Aggregate(1, (x, y) => x * y)]);

    private void Write(params Action<SafetensorsWriter>[] tensors)
    {
        var writer = new SafetensorsWriter();
        foreach (Action<SafetensorsWriter> add in tensors) add(writer);
        writer.Save(FilePath);
    }

    private void Rejects(ModelDescription model, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<SinterException>(() => WeightTable.Bind(model, Checkpoint.Open(_folder.Path))).Message);
}

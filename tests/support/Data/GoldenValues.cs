using System.IO;
using System.Text.Json;

namespace Sinter.Tests.Data;

/// <summary>What other programs computed for a checkpoint, and how far they were apart among themselves.</summary>
public sealed class GoldenValues
{
    public GoldenValues(string name)
    {
        Name = name;
        Tensors = new TensorFile(Repository.Data(name, "golden.safetensors"));
        Facts = JsonDocument.Parse(File.ReadAllText(Repository.Data(name, "golden.json"))).RootElement;
    }

    public string Name { get; }

    public TensorFile Tensors { get; }

    /// <summary><c>golden.json</c>.</summary>
    public JsonElement Facts { get; }

    /// <summary>Four times the largest difference between two float32 references.</summary>
    public double Tolerance => Facts.GetProperty("suggested_abs_tol_f32").GetDouble();

    /// <summary>How many tokens <c>decode.logits</c> took at once before it went on one by one.</summary>
    public int DecodeFrom => Facts.GetProperty("prefill_then_decode_from").GetInt32();

    /// <summary>Sequence <paramref name="sequence"/> of a tensor of token numbers [B, T].</summary>
    public int[] Tokens(string tensor, int sequence) => Row(Tensors[tensor], sequence).Integers;

    /// <summary>One sequence's part of a tensor whose first axis is the batch, or batch times tokens.</summary>
    public StoredTensor Part(string tensor, int sequence, int sequences)
    {
        StoredTensor whole = Tensors[tensor];
        int size = whole.Numbers.Length / sequences;
        return whole with { Numbers = whole.Numbers[(sequence * size)..((sequence + 1) * size)] };
    }

    private static StoredTensor Row(StoredTensor tensor, int row)
    {
        int size = tensor.Numbers.Length / tensor.Shape[0];
        return tensor with { Shape = tensor.Shape[1..], Numbers = tensor.Numbers[(row * size)..((row + 1) * size)] };
    }
}

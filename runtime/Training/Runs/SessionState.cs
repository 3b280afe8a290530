using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Training.Runs;

/// <summary>Everything that a session's next step depends on, as a file: f32 weights and moments, bit for bit.</summary>
internal static class SessionState
{
    public const string FileName = "training.safetensors";

    private const string Weights = "weights.", Mean = "mean.", Square = "square.";

    /// <summary>The first rank writes what all have; the others <see cref="Contribute"/>.</summary>
    public static void Save(string folder, TrainingSession session)
    {
        var file = new SafetensorsWriter();
        foreach (TrainedTensor tensor in session.Tensors)
        {
            file.Add(Weights + tensor.Name, ElementType.F32, [.. tensor.Shape], stream => stream.Write(MemoryMarshal.AsBytes(tensor.Weights)));
            if (!tensor.IsTrained) continue;
            file.Add(Mean + tensor.Name, session.Options.Moments, [.. tensor.Shape], stream => Collect(session, tensor, tensor.Mean, stream));
            file.Add(Square + tensor.Name, session.Options.Moments, [.. tensor.Shape], stream => Collect(session, tensor, tensor.Square, stream));
        }

        file.Save(Path.Combine(folder, FileName));
    }

    /// <summary>Gives the first rank, which writes the file, this rank's share of the moments.</summary>
    public static void Contribute(TrainingSession session)
    {
        // As the file has them: mean and square, tensor after tensor.
        foreach (TrainedTensor tensor in session.Tensors.Where(tensor => tensor.IsTrained))
        {
            Collect(session, tensor, tensor.Mean, Stream.Null);
            Collect(session, tensor, tensor.Square, Stream.Null);
        }
    }

    /// <exception cref="SinterException">The file is of another model or of moments in another format.</exception>
    public static void Load(string folder, TrainingSession session)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        foreach (TrainedTensor tensor in session.Tensors)
        {
            Read(file, Weights, tensor, ElementType.F32, MemoryMarshal.AsBytes(tensor.Weights));
            tensor.Gradient.Clear();
            if (!tensor.IsTrained) continue;
            int size = session.Options.Moments.Size();
            Read(file, Mean, tensor, session.Options.Moments, tensor.Mean, tensor.Owned.From * size);
            Read(file, Square, tensor, session.Options.Moments, tensor.Square, tensor.Owned.From * size);
        }
    }

    /// <summary>Makes one session go on where another stands.</summary>
    public static void Carry(TrainingSession from, TrainingSession to)
    {
        foreach ((TrainedTensor old, TrainedTensor tensor) in from.Tensors.Zip(to.Tensors))
        {
            old.Weights.CopyTo(tensor.Weights);
            old.Mean.CopyTo(tensor.Mean);
            old.Square.CopyTo(tensor.Square);
            tensor.Gradient.Clear();
        }

        to.Steps = from.Steps;
    }

    private static void Read(SafetensorsFile file, string kind, TrainedTensor tensor, ElementType type, Span<byte> target, int from = 0)
    {
        if (!file.Tensors.TryGetValue(kind + tensor.Name, out StoredTensor? stored) || !stored.Shape.SequenceEqual(tensor.Shape))
            throw new SinterException($"{file.Path} is of another model: it has no {kind}{tensor.Name} of shape [{string.Join(", ", tensor.Shape)}].");
        if (stored.Type != type) throw new SinterException($"{file.Path} has {kind}{tensor.Name} in {stored.Type}, and the run is to go on in {type}; keep the moments' format.");
        stored.Bytes.Slice(from, target.Length).CopyTo(target);
    }

    /// <summary>Writes a moment that the ranks own together, part by part.</summary>
    private static void Collect(TrainingSession session, TrainedTensor tensor, Span<byte> mine, Stream stream)
    {
        ICommunicator ranks = session.Options.Ranks;
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            int bytes = tensor.OwnedBy(rank).Count * session.Options.Moments.Size();
            if (bytes == 0) continue;
            Span<byte> part = rank == ranks.Rank ? mine : new byte[bytes];
            ranks.Broadcast(rank, part);
            stream.Write(part);
        }
    }
}

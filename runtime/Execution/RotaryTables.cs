using System;

namespace Sinter.Runtime.Execution;

/// <summary>Cosines and sines of a model's rotations: [position, pair, 2] for each of its rotary declarations.</summary>
public sealed unsafe class RotaryTables : IDisposable
{
    private readonly Arena _memory;
    private readonly Arena _pointers;

    public RotaryTables(ModelDescription description, int positions)
    {
        _memory = new Arena(BytesFor(description, positions));
        _pointers = new Arena((long)description.Rotaries.Count * sizeof(float*));
        byte* at = _memory.Data;
        for (int i = 0; i < description.Rotaries.Count; i++)
        {
            RotaryDeclaration rotary = description.Rotaries[i];
            Pointers[i] = (float*)at;
            Fill((float*)at, rotary, positions);
            at += TableBytes(rotary, positions);
        }
    }

    /// <summary>[rotaries].</summary>
    public float** Pointers => (float**)_pointers.Data;

    public static long BytesFor(ModelDescription description, int positions)
    {
        long bytes = 0;
        foreach (RotaryDeclaration rotary in description.Rotaries) bytes += TableBytes(rotary, positions);
        return bytes;
    }

    public void Dispose()
    {
        _memory.Dispose();
        _pointers.Dispose();
    }

    private static void Fill(float* table, RotaryDeclaration rotary, int positions)
    {
        for (int position = 0; position < positions; position++)
        {
            foreach (double frequency in rotary.InverseFrequencies)
            {
                // The angle is rounded to f32, as where these models were trained (DeepSeek's model.py and transformers).
                (double sine, double cosine) = Math.SinCos((float)frequency * (float)position);
                *table++ = (float)(cosine * rotary.Magnitude);
                *table++ = (float)(sine * rotary.Magnitude);
            }
        }
    }

    private static long TableBytes(RotaryDeclaration rotary, int positions) =>
        Arena.Align((long)positions * rotary.InverseFrequencies.Count * 2 * sizeof(float));
}

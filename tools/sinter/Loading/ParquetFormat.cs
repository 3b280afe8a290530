using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Parquet;
using Parquet.Schema;
using Sinter.Runtime;
using Sinter.Runtime.Training.Data;

namespace Sinter.Command.Loading;

/// <summary>Parquet: the strings of the column <c>text</c> (or <c>content</c>) are documents; a row group at a time is in memory.</summary>
internal sealed class ParquetFormat : IDocumentFormat
{
    private static readonly string[] s_columns = ["text", "content"];

    public IReadOnlyList<string> Extensions => [".parquet"];

    public IEnumerable<TextPiece> Read(string path)
    {
        // The library is asynchronous; reading is not the bottleneck here, tokenizing is.
        ParquetReader reader = Guard(path, () => ParquetReader.CreateAsync(path).GetAwaiter().GetResult());
        try
        {
            DataField[] fields = reader.Schema.GetDataFields();
            DataField field = s_columns.Select(name => fields.FirstOrDefault(field => field.Name == name)).FirstOrDefault(found => found is not null)
                ?? throw new SinterException($"{path}: there is no column 'text' to train on; there are {string.Join(", ", fields.Select(field => field.Name))}.");
            for (int i = 0; i < reader.RowGroupCount; i++)
            {
                int group = i;
                foreach (string? text in Guard(path, () => ReadGroup(reader, group, field)))
                    if (!string.IsNullOrEmpty(text)) yield return new TextPiece(text, true);
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static string?[] ReadGroup(ParquetReader reader, int index, DataField field)
    {
        using ParquetRowGroupReader group = reader.OpenRowGroupReader(index);
        var texts = new string?[checked((int)group.RowCount)];
        group.ReadAsync(field, texts.AsMemory()!).AsTask().GetAwaiter().GetResult();
        return texts;
    }

    private static T Guard<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ParquetException or InvalidDataException or NotSupportedException or ArgumentException or InvalidCastException or InvalidOperationException)
        {
            throw new SinterException($"{path}: the file cannot be read as Parquet: {fault.Message}", fault);
        }
    }
}

using System.Collections.Generic;

namespace Sinter.Runtime.Training.Data;

/// <summary>A kind of file that holds documents.</summary>
public interface IDocumentFormat
{
    /// <summary>How the files' names end, such as <c>.txt</c>.</summary>
    IReadOnlyList<string> Extensions { get; }

    /// <summary>The file's documents in order, piece by piece, so that none has to fit into memory.</summary>
    /// <exception cref="SinterException">The file cannot be read, or a piece would be too large to hold.</exception>
    IEnumerable<TextPiece> Read(string path);
}

/// <summary>A part of a document; tokens never reach across the border of two parts.</summary>
/// <param name="EndsDocument">Whether it is the document's last.</param>
public readonly record struct TextPiece(string Text, bool EndsDocument);

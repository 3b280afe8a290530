using System;
using System.Globalization;
using Sinter.Models;
using Sinter.Runtime.Generation;

// CHECKPOINT TOKENS [PROMPT]: continues the prompt.
using TinyTrained model = TinyTrained.Load(args[0]);
var options = new GenerationOptions { MaxTokens = int.Parse(args[1], CultureInfo.InvariantCulture) };
await foreach (GeneratedText piece in model.GenerateAsync(args.Length > 2 ? args[2] : "In the beginning", options)) Console.Out.Write(piece.Text);
